<flat-profile>
{{ setting("Primary_NTP_Server", time_server) -}}
{{ setting("Profile_Rule", plain_url ~ "spa$MA.cfg") -}}
{{ setting("Provision_Enable", "Yes") -}}
{{ setting("Resync_On_Reset", "Yes") -}}
{{ setting("Resync_Periodic", poll_minutes * 60) -}}
{{ setting("Resync_Error_Retry_Delay", 60) -}}
</flat-profile>
