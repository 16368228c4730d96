"""HTTP of documents."""
