<?xml version="1.0" encoding="UTF-8"?>
<hl_provision version="1">
<config version="1">
{{ setting("P30", time_server) -}}
{{ setting("P20179", ca_url) -}}
{{ setting("P23377", 1) -}}
{{ setting("P237", provisioning_url) -}}
{{ setting("P212", 3) -}}
{% if login %}
{{ setting("P1360", login.user) -}}
{{ setting("P1361", login.password) -}}
{% endif %}
{{ setting("P194", 1) -}}
{{ setting("P193", poll_minutes) -}}
{{ setting("P145", 0) -}}
{{ setting("P24012", 1) -}}
{{ setting("P20933", 0) -}}
{% if full %}
{{ setting("P20165", 0) -}}
{# The folder: the phone adds the name that it always asks for. #}
{{ setting("P192", none if firmware_url is none else ((firmware_url ~ "") | split("/") | list)[:-1] | join("/")) -}}
{% if time_zone %}
{{ setting("P64", maps.zone[time_zone.hours]) -}}
{{ setting("P75", 2 if time_zone.summer else 0) -}}
{% endif %}
{{ setting("P8624", 1 if regional.time_format == "12" else 0 if regional.time_format == "24" else none) -}}
{{ setting("P2", access.admin_password) -}}
{{ setting("P196", access.user_password) -}}
{{ setting("P24053", 1 if network.voice_vlan else none) -}}
{{ setting("P51", network.voice_vlan) -}}
{{ setting("P87", network.voice_priority) -}}
{{ setting("P229", network.pc_vlan) -}}
{{ setting("P5438", network.lldp | flag) -}}
{{ setting("P38", network.media_dscp) -}}
{{ setting("P207", log.server) -}}
{{ setting("P208", none if log.level is none else maps.log_level[log.level]) -}}
{{ setting("P8849", features.call_waiting | flag) -}}
{{ setting("P8850", features.call_waiting_tone | flag) -}}
{{ setting("P53100", none if features.forward_always is none else 1) -}}
{{ setting("P53101", features.forward_always) -}}
{{ setting("P53110", none if features.forward_busy is none else 1) -}}
{{ setting("P53111", features.forward_busy) -}}
{{ setting("P53120", none if features.forward_no_answer is none else 1) -}}
{{ setting("P53121", features.forward_no_answer) -}}
{{ setting("P53124", features.forward_after) -}}
{{ setting("P4210", dialling.hotline) -}}
{{ setting("P8638", dialling.hotline_after) -}}
{{ setting("P3701", action.started) -}}
{{ setting("P3702", action.registered) -}}
{{ setting("P3703", action.unregistered) -}}
{{ setting("P3704", action.register_failed) -}}
{{ setting("P3705", action.off_hook) -}}
{{ setting("P3706", action.on_hook) -}}
{{ setting("P3707", action.incoming) -}}
{{ setting("P3708", action.outgoing) -}}
{{ setting("P3709", action.established) -}}
{{ setting("P3710", action.ended) -}}
{{ setting("P3711", action.dnd_on) -}}
{{ setting("P3712", action.dnd_off) -}}
{{ setting("P3713", action.forward_on) -}}
{{ setting("P3714", action.forward_off) -}}
{{ setting("P3719", action.transferred) -}}
{{ setting("P3722", action.hold) -}}
{{ setting("P3723", action.resumed) -}}
{{ setting("P3724", action.muted) -}}
{{ setting("P3725", action.unmuted) -}}
{{ setting("P3726", action.missed) -}}
{{ setting("P3727", action.busy) -}}
{{ setting("P3728", action.idle) -}}
{# It is not told to search in the clear where it should not. #}
{% if ldap.server and ldap.security in [none, "none"] %}
{{ setting("P5432", ldap.server) -}}
{{ setting("P5433", ldap.port) -}}
{{ setting("P5434", ldap.base) -}}
{{ setting("P5435", ldap.user) -}}
{{ setting("P5436", ldap.password) -}}
{{ setting("P5430", ldap.name_filter) -}}
{{ setting("P5431", ldap.number_filter) -}}
{{ setting("P23136", none if ldap.name_attributes is none else ldap.name_attributes | join(" ")) -}}
{{ setting("P23137", none if ldap.number_attributes is none else ldap.number_attributes | join(" ")) -}}
{{ setting("P5440", none if ldap.display is none else ldap.display | replace("%", "")) -}}
{{ setting("P5437", ldap.most) -}}
{{ setting("P5443", ldap.lookup_callers | flag) -}}
{% endif %}
{% for book in books if book.position <= 5 %}
{{ setting("P" ~ (4400 + book.position), provisioning_url ~ "htek/book-" ~ book.number ~ ".xml") -}}
{{ setting("P" ~ (3316 if book.position == 1 else 3310 + book.position), book.name) -}}
{% endfor %}
{% for slot in slots %}
{% include "account.profile" %}
{% endfor %}
{% for slot in key_slots %}
{% set key = slot.key %}
{% set number = slot.number %}
{% include "key.profile" %}
{% endfor %}
{{ write_overrides() -}}
{% endif %}
</config>
</hl_provision>
