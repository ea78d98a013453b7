"""The workspace beside a cluster file: plan files in plans/, history in state/. Nothing secret gets in."""
