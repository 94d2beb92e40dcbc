#include "process_cost.h"

#include <fstream>
#include <sstream>
#include <string>

#include <sys/resource.h>

namespace hvis::bench {

Memory memory_now() {
    std::ifstream smaps("/proc/self/smaps");
    Memory memory;
    bool is_ram = false;
    for (std::string line; std::getline(smaps, line);) {
        std::istringstream words(line);
        std::string key;
        uint64_t kib = 0;
        words >> key >> kib;
        if (key.find('-') != std::string::npos && key.back() != ':') {
            is_ram = line.find("hvis-loopback-ram") != std::string::npos;
        } else if (is_ram && key == "Rss:") {
            memory.guest_ram_kib += kib;
        } else if (!is_ram && (key == "Private_Clean:" || key == "Private_Dirty:")) {
            memory.own_kib += kib;
        }
    }
    return memory;
}

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace hvis::bench
