"""EMS, the Email Management System: sends a company's mail through Amazon SES and tracks every one."""
