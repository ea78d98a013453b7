"""Live's layers held against each other: what drift finds beyond what was changed by hand."""
