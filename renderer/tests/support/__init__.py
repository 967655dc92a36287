"""Test support: small books, built sites and PDFs, processes and external programs."""
