"""What accountants take away: registers as CSV and XLSX, the GSTR-1 set, Tally and Zoho files, with their manifests."""
