"""What a precision study found: tables, figures, page, folder."""
