#include "manager/boot_mark.h"

#include <fstream>
#include <sstream>

namespace hvis::manager {

std::string boot_mark() {
    std::string boot;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
    // A container keeps its host's boot id, but has a first process of its own. Its start is the
    // 22nd field; the second, in parentheses, may hold anything: proc(5).
    std::string line;
    std::getline(std::ifstream("/proc/1/stat"), line);
    std::istringstream fields(
        line.substr(line.rfind(')') == std::string::npos ? 0 : line.rfind(')') + 1));
    std::string field;
    for (int number = 3; number <= 22; ++number) {
        fields >> field;
    }
    return boot.empty() ? boot : boot + ":" + field;
}

}  // namespace hvis::manager
