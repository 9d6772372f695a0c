{% set line = slot.line %}
{% if line %}
{{ setting("P" ~ maps.active[slot.number], 1) if maps.active[slot.number] is not none else "" -}}
{% if maps.sipserver[slot.number] is not none %}
<P{{ maps.sipserver[slot.number] }}>{{ line.server }}:{{ line.port }}</P{{ maps.sipserver[slot.number] }}>
{% endif %}
{{ setting("P" ~ maps.profile[slot.number], slot.number - 1 if maps.sipserver[slot.number] is not none else 0) if maps.profile[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.failoversipserver[slot.number], line.backup_server) if maps.failoversipserver[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.outboundproxy[slot.number], line.outbound_proxy) if maps.outboundproxy[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.backupoutboundproxy[slot.number], line.backup_proxy) if maps.backupoutboundproxy[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.siptransport[slot.number], maps.transport[line.transport]) if maps.siptransport[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.lable[slot.number], line.display) if maps.lable[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.sipuserid[slot.number], line.user) if maps.sipuserid[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.authenticateid[slot.number], line.auth_user) if maps.authenticateid[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.authenticatepassword[slot.number], line.password) if maps.authenticatepassword[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.dispalyname[slot.number], line.display) if maps.dispalyname[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.sipregistration[slot.number], 1 if line.register is none else line.register | flag) if maps.sipregistration[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.registerexpiration[slot.number], [1, (line.expires + 30) // 60] | max) if maps.registerexpiration[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.voicemailid[slot.number], line.voicemail if line.voicemail else none) if maps.voicemailid[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.rport[slot.number], line.rport | flag) if maps.rport[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.dtmfpayloadtype[slot.number], line.dtmf_payload) if maps.dtmfpayloadtype[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.dtmfmode[slot.number], none if line.dtmf is none else maps.dtmf[line.dtmf]) if maps.dtmfmode[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.srtpmode[slot.number], none if line.srtp is none else maps.srtp[line.srtp]) if maps.srtpmode[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.subscribeformwi[slot.number], line.subscribe_mwi | flag) if maps.subscribeformwi[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.sendanonymous[slot.number], line.hide_number | flag) if maps.sendanonymous[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.anonymouscallrejection[slot.number], features.reject_anonymous | flag) if maps.anonymouscallrejection[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.autoanswer[slot.number], line.auto_answer | flag) if maps.autoanswer[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.sessionexpiration[slot.number], line.session_expires) if maps.sessionexpiration[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.eventlistblfurl[slot.number], line.blf_list) if maps.eventlistblfurl[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.directcallpickupcode[slot.number], line.pickup_code if line.pickup_code else features.pickup_code) if maps.directcallpickupcode[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.groupcallpickupcode[slot.number], features.group_pickup_code) if maps.groupcallpickupcode[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.unregisteronreboot[slot.number], line.unregister_first | flag) if maps.unregisteronreboot[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.prack[slot.number], line.prack | flag) if maps.prack[slot.number] is not none else "" -}}
{% for codec in line.codecs if line.codecs and maps.codec[codec] is not none %}
{{ setting("P" ~ (maps.choice1[slot.number] + loop.index0), maps.codec[codec]) if loop.index <= 6 and maps.choice1[slot.number] is not none else "" -}}
{% endfor %}
{% else %}
{{ setting("P" ~ maps.active[slot.number], 0) if maps.active[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.sipuserid[slot.number], "") if maps.sipuserid[slot.number] is not none else "" -}}
{{ setting("P" ~ maps.authenticatepassword[slot.number], "") if maps.authenticatepassword[slot.number] is not none else "" -}}
{% endif %}
