{% set line = slot.line %}
{% set n = "_" ~ slot.number ~ "_" %}
{% if line %}
{{ setting("Line_Enable" ~ n, "Yes") -}}
{{ setting("Display_Name" ~ n, line.display) -}}
{{ setting("User_ID" ~ n, line.user) -}}
{{ setting("Password" ~ n, line.password) -}}
{{ setting("Use_Auth_ID" ~ n, "Yes") -}}
{{ setting("Auth_ID" ~ n, line.auth_user) -}}
<Proxy_{{ slot.number }}_ ua="na">{{ line.server }}{% if line.srv is not true %}:{{ line.port }}{% endif %}</Proxy_{{ slot.number }}_>
{% if line.outbound_proxy %}
<Outbound_Proxy_{{ slot.number }}_ ua="na">{{ line.outbound_proxy }}{% if line.outbound_proxy_port %}:{{ line.outbound_proxy_port }}{% endif %}</Outbound_Proxy_{{ slot.number }}_>
{{ setting("Use_Outbound_Proxy" ~ n, "Yes") -}}
{% else %}
{{ setting("Use_Outbound_Proxy" ~ n, "No") -}}
{% endif %}
{% if line.backup_server %}
<Alternate_Proxy_{{ slot.number }}_ ua="na">{{ line.backup_server }}{% if line.backup_port %}:{{ line.backup_port }}{% endif %}</Alternate_Proxy_{{ slot.number }}_>
{% endif %}
{% if line.backup_proxy %}
<Alternate_Outbound_Proxy_{{ slot.number }}_ ua="na">{{ line.backup_proxy }}{% if line.backup_proxy_port %}:{{ line.backup_proxy_port }}{% endif %}</Alternate_Outbound_Proxy_{{ slot.number }}_>
{% endif %}
{{ setting("SIP_Transport" ~ n, line.transport | upper) -}}
{{ setting("Register" ~ n, line.register | flag("Yes", "No")) -}}
{{ setting("Register_Expires" ~ n, line.expires) -}}
{{ setting("Use_DNS_SRV" ~ n, line.srv | flag("Yes", "No")) -}}
{{ setting("DNS_SRV_Auto_Prefix" ~ n, line.srv | flag("Yes", "No")) -}}
{{ setting("DTMF_Tx_Method" ~ n, none if line.dtmf is none else maps.dtmf[line.dtmf]) -}}
{{ setting("NAT_Keep_Alive_Enable" ~ n, none if line.keep_alive is none else "Yes" if line.keep_alive > 0 else "No") -}}
{{ setting("SIP_100REL_Enable" ~ n, line.prack | flag("Yes", "No")) -}}
{{ setting("Mailbox_ID" ~ n, line.mailbox) -}}
{% for codec in line.codecs if line.codecs and maps.codec[codec] %}
{{ setting(["Preferred_Codec", "Second_Preferred_Codec", "Third_Preferred_Codec"][loop.index0] ~ n, maps.codec[codec]) if loop.index <= 3 else "" -}}
{% endfor %}
{% if network.sip_dscp is not none %}
{% set tos = network.sip_dscp * 4 %}
{{ setting("SIP_TOS_DiffServ_Value" ~ n, "0x" ~ "0123456789abcdef"[tos // 16:tos // 16 + 1] ~ "0123456789abcdef"[tos % 16:tos % 16 + 1]) -}}
{% endif %}
{% if network.media_dscp is not none %}
{% set tos = network.media_dscp * 4 %}
{{ setting("RTP_TOS_DiffServ_Value" ~ n, "0x" ~ "0123456789abcdef"[tos // 16:tos // 16 + 1] ~ "0123456789abcdef"[tos % 16:tos % 16 + 1]) -}}
{% endif %}
{{ setting("Auth_Resync-Reboot" ~ n, "Yes") -}}
{% set hotline = line.hotline if line.hotline else dialling.hotline %}
{% set plan = line.dial_plan if line.dial_plan else dialling.plan %}
{% if hotline or plan %}
<Dial_Plan_{{ slot.number }}_ ua="na">({% if hotline %}P{{ dialling.hotline_after if dialling.hotline_after else 0 }}&lt;:{{ hotline }}&gt;{% if plan %}|{% endif %}{% endif %}{% if plan %}{{ plan | replace(".T", ".") | replace("T", "") }}{% for number in dialling.emergency if dialling.emergency %}|{{ number }}S0{% endfor %}{% endif %})</Dial_Plan_{{ slot.number }}_>
{% endif %}
{% else %}
{{ setting("Line_Enable" ~ n, "No") -}}
{{ setting("User_ID" ~ n, "") -}}
{{ setting("Password" ~ n, "") -}}
{{ setting("Proxy" ~ n, "") -}}
{% endif %}
