#include "support/minute_bars.hpp"

#include <zlib.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>

namespace pricewire::support {
namespace {

std::string unpacked(const std::filesystem::path& file) {
    const gzFile in = gzopen(file.c_str(), "rb");
    if (in == nullptr) throw std::runtime_error(file.string() + " cannot be read");
    std::string text;
    std::array<char, 64 * 1024> part;
    for (int n; (n = gzread(in, part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(n));
    gzclose(in);
    return text;
}

// "2025-05-30 16:42:00+00:00,0.19701,0.19725,0.19656,0.19708,4039008.0"
MinuteBar bar_in(const std::string& line) {
    std::istringstream cells(line);
    std::string cell;
    std::getline(cells, cell, ',');
    cell[cell.find(' ')] = 'T';
    MinuteBar bar{.start = parse_rfc3339(cell).value()};
    for (Decimal* value : {&bar.open, &bar.high, &bar.low, &bar.close, &bar.volume}) {
        std::getline(cells, cell, ',');
        *value = Decimal::parse(cell).value();
    }
    return bar;
}

}  // namespace

std::vector<MinuteBar> recorded_minutes(std::string_view ticker) {
    const char* named = std::getenv("PRICEWIRE_RECORDINGS");
    const auto folder =
        std::filesystem::path(named != nullptr ? named : PRICEWIRE_SOURCE_DIR "/../shared/recordings") /
        "minute-bars";
    std::vector<MinuteBar> out;
    if (!std::filesystem::is_directory(folder)) return out;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (!entry.path().filename().string().starts_with(std::string(ticker) + "USDT-")) continue;
        std::istringstream lines(unpacked(entry.path()));
        std::string line;
        std::getline(lines, line);
        while (std::getline(lines, line)) out.push_back(bar_in(line));
    }
    return out;
}

}  // namespace pricewire::support
