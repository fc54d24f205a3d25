#pragma once

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The folder of recorded market data, for tests; nullopt: the test should skip.
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

inline std::string base64_bytes(std::string_view text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::size_t value = digits.find(c);
        if (value == std::string_view::npos) continue;
        bits = bits << 6 | static_cast<unsigned>(value);
        if ((count += 6) < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xff);
    }
    return out;
}

// What a venue sent, in a recording of venues/: the text of a message, or the bytes of a binary one.
inline std::vector<std::string> venue_frames(const std::filesystem::path& path) {
    std::vector<std::string> frames;
    const gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) return frames;
    std::vector<char> buffer(1 << 20);
    while (gzgets(file, buffer.data(), static_cast<int>(buffer.size())) != nullptr) {
        const std::string line(buffer.data());
        if (line.find(R"("dir": "in")") == std::string::npos) continue;
        std::size_t at = line.find(R"("base64": ")");
        if (at != std::string::npos) {
            at += 11;
            frames.push_back(base64_bytes(std::string_view(line).substr(at, line.find('"', at) - at)));
            continue;
        }
        at = line.find(R"("text": ")");
        if (at == std::string::npos) continue;
        std::string text;
        for (at += 9; line[at] != '"'; ++at) {
            if (line[at] == '\\') ++at;  // quotes and backslashes alone are escaped
            text += line[at];
        }
        frames.push_back(std::move(text));
    }
    gzclose(file);
    return frames;
}

// What a venue sent, in a sample of venues/samples: a line that begins with '<' is its answer, what follows '=' a push,
// and '>' is what a client sent. "|1|" stands for a number.
inline std::vector<std::string> sample_frames(const std::filesystem::path& path) {
    std::vector<std::string> frames;
    bool is_ours = true;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('<') || line.starts_with('=')) {
            is_ours = false;
            frames.emplace_back();
            line.erase(0, 1);
        } else if (line.starts_with('>')) {
            is_ours = true;
        }
        if (is_ours) continue;
        for (std::size_t at = 0; (at = line.find("|1|", at)) != std::string::npos;) line.replace(at, 3, "1");
        frames.back() += line + "\n";
    }
    return frames;
}

}  // namespace pricewire::feed
