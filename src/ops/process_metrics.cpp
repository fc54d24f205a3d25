#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "ops/metrics.hpp"

namespace pricewire::ops {
namespace {

// What stands in /proc/self/stat from its third field on: the second, the program's name in brackets, may
// hold anything.
std::vector<std::string> stat_fields() {
    std::ifstream in("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t name_ends = text.rfind(')');
    if (name_ends == std::string::npos) return {};
    std::istringstream rest(text.substr(name_ends + 1));
    return {std::istream_iterator<std::string>(rest), {}};
}

// By its number in proc(5).
double stat_field(std::size_t number) {
    const auto fields = stat_fields();
    return fields.size() > number - 3 ? std::stod(fields[number - 3]) : 0;
}

// In seconds since 1970. /proc tells when the machine started, and how long after it the process did.
double start_time() {
    std::ifstream in("/proc/stat");
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("btime ")) continue;
        return std::stod(line.substr(6)) + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
    return 0;
}

std::vector<Figure> open_files() {
    std::error_code error;
    std::filesystem::directory_iterator files("/proc/self/fd", error);
    if (error) return {};
    // The one that lists them is among them.
    const auto count = std::distance(begin(files), end(files)) - 1;
    return {{{}, static_cast<double>(count)}};
}

std::vector<Figure> most_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    return {{{}, static_cast<double>(limit.rlim_cur)}};
}

std::vector<Figure> cpu_seconds() {
    timespec used{};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return {};
    return {{{}, static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9}};
}

}  // namespace

void add_process_metrics(Metrics& metrics) {
    metrics.counter("process_cpu_seconds_total", "CPU time that the process has used.", cpu_seconds);
    metrics.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.", [] {
        return std::vector<Figure>{{{}, stat_field(24) * static_cast<double>(sysconf(_SC_PAGESIZE))}};
    });
    metrics.gauge("process_virtual_memory_bytes", "Memory that the process has mapped.",
                  [] { return std::vector<Figure>{{{}, stat_field(23)}}; });
    metrics.gauge("process_threads", "Threads of the process.",
                  [] { return std::vector<Figure>{{{}, stat_field(20)}}; });
    metrics.gauge("process_open_fds", "Files and sockets that the process has open.", open_files);
    metrics.gauge("process_max_fds", "Files and sockets that the process may have open.", most_files);
    metrics.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
                  [start = start_time()] { return std::vector<Figure>{{{}, start}}; });
}

}  // namespace pricewire::ops
