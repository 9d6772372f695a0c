{% set first = 41200 + number - 1 if number < 5 else 20200 + 5 * (number - 5) if number < 37 else 23000 + 5 * (number - 37) %}
{% set step = 100 if number < 5 else 1 %}
{% if key and key.type is not none %}
{{ setting("P" ~ first, key.type) -}}
{{ setting("P" ~ (first + step), key.value) -}}
{{ setting("P" ~ (first + 2 * step), key.label) -}}
{{ setting("P" ~ (first + 3 * step), key.line - 1 if key.line else 255) -}}
{{ setting("P" ~ (first + 4 * step), key.extension) -}}
{% elif keys %}
{{ setting("P" ~ first, 0) -}}
{% endif %}
