<flat-profile>
{{ setting("Primary_NTP_Server", time_server) -}}
{{ setting("Secondary_NTP_Server", second_time_server) -}}
{% if login %}
{{ setting("Profile_Rule", "[--uid " ~ login.user ~ " --pwd " ~ login.password ~ "] " ~ plain_url ~ "spa$MA.cfg") -}}
{% else %}
{{ setting("Profile_Rule", plain_url ~ "spa$MA.cfg") -}}
{% endif %}
{{ setting("Provision_Enable", "Yes") -}}
{{ setting("Resync_On_Reset", "Yes") -}}
{{ setting("Resync_Random_Delay", 2) -}}
{{ setting("Resync_Periodic", poll_minutes * 60) -}}
{{ setting("Resync_Error_Retry_Delay", 60) -}}
{{ setting("Resync_From_SIP", "Yes") -}}
{% if full %}
{% if firmware_url %}
{{ setting("Upgrade_Enable", "Yes") -}}
{{ setting("Upgrade_Rule", firmware_url) -}}
{% endif %}
{% if time_zone %}
{{ setting("Time_Zone", "GMT" ~ time_zone.offset) -}}
{% if time_zone.summer %}
{% set start = time_zone.summer.start %}
{% set end = time_zone.summer.end %}
{{ setting("Daylight_Saving_Time_Enable", "Yes") -}}
{{ setting("Daylight_Saving_Time_Rule", "start=" ~ start.month ~ "/" ~ (-1 if start.week == 5 else start.week * 7 - 6) ~ "/" ~ start.iso_weekday ~ "/" ~ start.hour ~ ":" ~ start.minute ~ ":0;end=" ~ end.month ~ "/" ~ (-1 if end.week == 5 else end.week * 7 - 6) ~ "/" ~ end.iso_weekday ~ "/" ~ end.hour ~ ":" ~ end.minute ~ ":0;save=" ~ time_zone.summer.saved_minutes // 60 ~ ":" ~ time_zone.summer.saved_minutes % 60 ~ ":0") -}}
{% else %}
{{ setting("Daylight_Saving_Time_Enable", "No") -}}
{% endif %}
{% endif %}
{{ setting("Time_Format", none if regional.time_format is none else regional.time_format ~ "hr") -}}
{{ setting("Date_Format", none if regional.date_format is none else maps.date[regional.date_format]) -}}
{{ setting("Station_Name", phone.name) -}}
{{ setting("Text_Logo", screen.title) -}}
{% if screen.wallpaper %}
{{ setting("Select_Background_Picture", "BMP Picture") -}}
{{ setting("BMP_Picture_Download_URL", plain_url ~ "cisco-spa/" ~ screen.wallpaper) -}}
{% endif %}
{{ setting("Ringer_Volume", sound.ring_volume | percent_of(10, 1)) -}}
{{ setting("Handset_Volume", sound.handset_volume | percent_of(10, 1)) -}}
{{ setting("Headset_Volume", sound.headset_volume | percent_of(10, 1)) -}}
{{ setting("Speaker_Volume", sound.speaker_volume | percent_of(10, 1)) -}}
{{ setting("Admin_Passwd", access.admin_password) -}}
{{ setting("User_Password", access.user_password) -}}
{{ setting("Enable_Web_Server", none if access.web is none else "No" if access.web == "off" else "Yes") -}}
{% if network.voice_vlan %}
{{ setting("Enable_VLAN", "Yes") -}}
{{ setting("VLAN_ID", network.voice_vlan) -}}
{% endif %}
{{ setting("PC_Port_VLAN_ID", network.pc_vlan) -}}
{{ setting("Enable_PC_Port_VLAN_Tagging", none if network.pc_vlan is none else "Yes") -}}
{{ setting("Enable_CDP", network.cdp | flag("Yes", "No")) -}}
{{ setting("Enable_LLDP-MED", network.lldp | flag("Yes", "No")) -}}
{{ setting("RTP_Port_Min", network.media_first_port) -}}
{{ setting("RTP_Port_Max", network.media_last_port) -}}
{{ setting("RTP_Packet_Size", "0.0" ~ lines[0].packet_time if lines and lines[0].packet_time else none) -}}
{{ setting("NAT_Keep_Alive_Intvl", lines[0].keep_alive if lines and lines[0].keep_alive else none) -}}
{{ setting("AVT_Dynamic_Payload", lines[0].dtmf_payload if lines else none) -}}
{{ setting("Caller_ID_Header", none if not lines or lines[0].caller_id is none else maps.caller_id[lines[0].caller_id]) -}}
{{ setting("Secure_Call_Setting", none if not lines or lines[0].srtp is none else "No" if lines[0].srtp == "off" else "Yes") -}}
{{ setting("SRTP_Method", none if not lines or lines[0].srtp in [none, "off"] else "s-descriptor") -}}
{{ setting("Syslog_Server", log.server) -}}
{{ setting("CW_Setting", features.call_waiting | flag("Yes", "No")) -}}
{{ setting("DND_Serv", features.do_not_disturb | flag("Yes", "No")) -}}
{{ setting("Block_CID_Setting", features.hide_number | flag("Yes", "No")) -}}
{{ setting("Block_ANC_Setting", features.reject_anonymous | flag("Yes", "No")) -}}
{{ setting("Auto_Answer_Page", features.intercom | flag("Yes", "No")) -}}
{{ setting("Cfwd_All_Serv", features.forwarding | flag("Yes", "No")) -}}
{{ setting("Cfwd_All_Dest", features.forward_always) -}}
{{ setting("Cfwd_Busy_Dest", features.forward_busy) -}}
{{ setting("Cfwd_No_Ans_Dest", features.forward_no_answer) -}}
{{ setting("Cfwd_No_Ans_Delay", features.forward_after) -}}
{{ setting("Attendant_Console_Call_Pickup_Code", features.pickup_code) -}}
{{ setting("Voice_Mail_Number", lines[0].voicemail if lines else none) -}}
{% if paging.listen %}
<Group_Paging_Script ua="na">{% for group in paging.listen %}pggrp={{ group.address }}:{{ group.port }};name={{ paging.labels[loop.index0] | replace(";", " ") if paging.labels and paging.labels | length > loop.index0 else group.address }};num={{ 800 + loop.index0 }};listen=yes;{% endfor %}</Group_Paging_Script>
{% endif %}
{# It is not told to search in the clear where it should not. #}
{% if ldap.server and ldap.security in [none, "none"] %}
{{ setting("LDAP_Dir_Enable", "Yes") -}}
{{ setting("LDAP_Corp_Dir_Name", ldap.server) -}}
{{ setting("LDAP_Server", ldap.server) -}}
{{ setting("LDAP_Auth_Method", "Simple" if ldap.user else "None") -}}
{{ setting("LDAP_Client_DN", ldap.user) -}}
{{ setting("LDAP_Password", ldap.password) -}}
{{ setting("LDAP_Search_Base", ldap.base) -}}
{% endif %}
{% if books %}
{{ setting("XML_Directory_Service_Name", books[0].name) -}}
{{ setting("XML_Directory_Service_URL", plain_url ~ ("cisco-spa/books.xml" if books | length > 1 else "cisco-spa/book-" ~ books[0].number ~ ".xml")) -}}
{% endif %}
{% for slot in slots %}
{% include "line.profile" %}
{% endfor %}
{% if keys %}
{% for slot in key_slots %}
{% set key = slot.key %}
{% set number = slot.number %}
{% include "key.profile" %}
{% endfor %}
{% endif %}
{% for module in modules %}
{{ setting("Unit_" ~ module.number ~ "_Enable", "Yes") -}}
{% for slot in module.slots %}
{% set key = slot.key %}
<Unit_{{ module.number }}_Key_{{ slot.number }}_ ua="na">{% include "function.profile" %}</Unit_{{ module.number }}_Key_{{ slot.number }}_>
{% endfor %}
{% endfor %}
{{ write_overrides() -}}
{% endif %}
</flat-profile>
