#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "metrics/registry.hpp"

namespace pricewire::metrics {
namespace {

// The fields of /proc/self/stat from the third on. The second, the program's name in parentheses, may contain
// any character.
std::vector<std::string> stat_fields() {
    std::ifstream in("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t name_ends = text.rfind(')');
    if (name_ends == std::string::npos) return {};
    std::istringstream rest(text.substr(name_ends + 1));
    return {std::istream_iterator<std::string>(rest), {}};
}

// A field by its number in proc(5); 0 if it cannot be read.
double stat_field(std::size_t number) {
    const auto fields = stat_fields();
    return fields.size() > number - 3 ? std::stod(fields[number - 3]) : 0;
}

// In seconds since 1970: the boot time plus the time from boot to the start of the process.
double start_time() {
    std::ifstream in("/proc/stat");
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("btime ")) continue;
        return std::stod(line.substr(6)) + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
    return 0;
}

Figures open_files() {
    std::error_code error;
    std::filesystem::directory_iterator files("/proc/self/fd", error);
    if (error) return {};
    // Without the descriptor that lists the directory.
    const auto count = std::distance(begin(files), end(files)) - 1;
    return {{{}, static_cast<double>(count)}};
}

Figures most_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    return {{{}, static_cast<double>(limit.rlim_cur)}};
}

Figures cpu_seconds() {
    timespec used{};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return {};
    return {{{}, static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9}};
}

}  // namespace

void add_process_metrics(Registry& registry) {
    registry.counter("process_cpu_seconds_total", "CPU time that the process has used.", cpu_seconds);
    registry.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.",
                   [] { return stat_field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)); });
    registry.gauge("process_virtual_memory_bytes", "Memory that the process has mapped.",
                   [] { return stat_field(23); });
    registry.gauge("process_threads", "Threads of the process.", [] { return stat_field(20); });
    registry.gauge("process_open_fds", "Files and sockets that the process has open.", open_files);
    registry.gauge("process_max_fds", "Files and sockets that the process may have open.", most_files);
    registry.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
                   [start = start_time()] { return start; });
}

}  // namespace pricewire::metrics
