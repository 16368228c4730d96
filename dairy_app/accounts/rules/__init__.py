"""Pure rules of logins and passwords."""
