# Reads what `perfdhcp -x t` prints. Prints: exchanges a second, loss in percent (the greater one of both halves), and
# the 50th and 99th percentile, in ms, of the time from REQUEST to ACK.
function percentile(share,   at) {
    at = int(n * share + 0.999999)
    return n ? delay[at < 1 ? 1 : at] : 0
}
/^\*\*\*Statistics for: DISCOVER-OFFER/ { half = "offer" }
/^\*\*\*Statistics for: REQUEST-ACK/ { half = "ack" }
/^sent packets:/ { sent[half] = $3 }
/^received packets:/ { received[half] = $3 }
/^\*\*\*Timestamps for packets: DISCOVER-OFFER/ { timers = "offer" }
/^\*\*\*Timestamps for packets: REQUEST-ACK/ { timers = "ack" }
timers && /^sent \/ received/ {
    # The exchanges of one second may be listed in any order, and the last ones not at all.
    if ($4 + 0 > last) last = $4 + 0
    if (timers == "ack" && $6 + 0 > 0) print ($6 - $4) * 1000 | "sort -n > " sorted
}
END {
    close("sort -n > " sorted)
    while ((getline line < sorted) > 0) delay[++n] = line
    for (half in sent) {
        lost = sent[half] ? 100 * (sent[half] - received[half]) / sent[half] : 100
        if (lost > loss) loss = lost
    }
    if (received["ack"] + 0 == 0) loss = 100
    printf "%.0f %.2f %.2f %.2f\n", last ? received["ack"] / last : 0, loss, percentile(0.5), percentile(0.99)
}
