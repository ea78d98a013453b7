"""lbctl: plan and apply for clusters of HAProxy and keepalived."""

__version__ = "0.1.0"
