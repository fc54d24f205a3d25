#pragma once

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

// Where the recorded market data lies, for tests. Absent: the test is to skip.
namespace pricewire::feed {

inline std::optional<std::filesystem::path> recordings() {
    const char* named = std::getenv("PRICEWIRE_RECORDINGS");
    const std::filesystem::path path = named ? named : PRICEWIRE_SOURCE_DIR "/../shared/recordings";
    if (!std::filesystem::is_directory(path)) return std::nullopt;
    return path;
}

inline std::string file_text(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The frames of a tape, "<receive time in ns> <frame>" a line, without the times.
inline std::vector<std::string> recorded_frames(const std::filesystem::path& path) {
    std::vector<std::string> frames;
    const gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) return frames;
    std::vector<char> line(1 << 20);
    while (gzgets(file, line.data(), static_cast<int>(line.size())) != nullptr) {
        std::string text(line.data());
        while (text.ends_with('\n')) text.pop_back();
        if (const std::size_t space = text.find(' '); space != std::string::npos)
            frames.push_back(text.substr(space + 1));
    }
    gzclose(file);
    return frames;
}

}  // namespace pricewire::feed
