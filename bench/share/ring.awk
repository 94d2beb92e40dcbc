# The medians of Google Benchmark's CSV into one row for each packet size.
# Columns: name, iterations, real_time, cpu_time, time_unit, bytes_per_second, items_per_second, …
/^"[^"]*_median"/ {
    gsub(/"/, "")
    split($1, name, "/")
    size = name[2] + 0
    if (!(size in seen)) {
        seen[size] = 1
        sizes[++count] = size
    }
    bytes[name[1], size] = $6
    items[name[1], size] = $7
}
function pair(kind, size) {
    return sprintf("%.2f M/s | %.2f GB/s", items[kind, size] / 1e6, bytes[kind, size] / 1e9)
}
END {
    print "| Bytes | memcpy in and out | | Ring, in batches | | of memcpy | Ring, one by one | | Two processors | |"
    print "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for (i = 1; i <= count; ++i) {
        size = sizes[i]
        printf "| %d | %s | %s | %.0f %% | %s | %s |\n", size, pair("memcpy_in_and_out", size),
            pair("ring_in_batches", size),
            100 * bytes["ring_in_batches", size] / bytes["memcpy_in_and_out", size],
            pair("ring_one_by_one", size), pair("ring_between_threads", size)
    }
}
