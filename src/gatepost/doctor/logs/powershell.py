"""PowerShell's Send-MailMessage: System.Net.Mail's texts behind its own."""

from gatepost.doctor.logs.log_format import Format

FORMAT = Format(
    "powershell",
    "PowerShell",
    library="powershell",
    errors=("send-mailmessage", "fullyqualifiederrorid", "categoryinfo", "+ ~~~~"),
)
