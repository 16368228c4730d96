"""How an export becomes a file: CSV, XLSX, archives, the monthly sheet."""
