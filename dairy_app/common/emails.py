"""What an e-mail address looks like to the database; whether somebody reads it, only a message can tell."""

EMAIL_FORMAT = "^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$"
