"""How elections end: the table of who holds each VIP for every combination of what has failed."""
