{% if key and key.kind == "line" %}
{{ setting("Extension_" ~ number ~ "_", key.line if key.line else 1) -}}
{{ setting("Short_Name_" ~ number ~ "_", key.label if key.label else none) -}}
{{ setting("Extended_Function_" ~ number ~ "_", "") -}}
{% elif key and key.type is not none %}
{{ setting("Extension_" ~ number ~ "_", "Disabled") -}}
{{ setting("Short_Name_" ~ number ~ "_", key.label if key.label else none) -}}
<Extended_Function_{{ number }}_ ua="na">{% include "function.profile" %}</Extended_Function_{{ number }}_>
{% else %}
{{ setting("Extension_" ~ number ~ "_", number if number <= lines | length else "Disabled") -}}
{{ setting("Extended_Function_" ~ number ~ "_", "") -}}
{% endif %}
