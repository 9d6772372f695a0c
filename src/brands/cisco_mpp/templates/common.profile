<flat-profile>
{{ setting("Primary_NTP_Server", time_server) -}}
{{ setting("Custom_CA_Rule", ca_url) -}}
{{ setting("Profile_Rule", provisioning_url ~ "$MA.cfg") -}}
{{ setting("Provision_Enable", "Yes") -}}
{{ setting("Resync_On_Reset", "Yes") -}}
{# A time of day goes before the seconds that follow. #}
{{ setting("Resync_At__HHmm_", "") -}}
{{ setting("Resync_Periodic", poll_minutes * 60) -}}
{{ setting("Resync_Error_Retry_Delay", 60) -}}
</flat-profile>
