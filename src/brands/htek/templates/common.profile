<?xml version="1.0" encoding="UTF-8"?>
<hl_provision version="1">
<config version="1">
{{ setting("P30", time_server) -}}
{{ setting("P20179", ca_url) -}}
{{ setting("P23377", 1) -}}
{{ setting("P237", provisioning_url) -}}
{{ setting("P212", 3) -}}
{{ setting("P194", 1) -}}
{{ setting("P193", poll_minutes) -}}
{{ setting("P145", 0) -}}
{{ setting("P24012", 1) -}}
{{ setting("P20933", 0) -}}
</config>
</hl_provision>
