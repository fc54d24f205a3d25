#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "feed/recording.hpp"

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

// What a venue sent: the text of a message, or the bytes of a binary one.
inline std::vector<std::string> venue_frames(const std::filesystem::path& path) {
    std::vector<std::string> frames;
    const auto reader = open_recording(path).value();
    while (auto next = reader->next()) {
        if (!next->value().is_out) frames.push_back(std::move((*next)->bytes));
    }
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

// The body of a sample of venues/samples/rest, below three lines about the request.
inline std::string sample_answer(const std::filesystem::path& path) {
    const std::string text = file_text(path);
    return text.substr(std::min(text.size(), text.find_first_of("{[")));
}

}  // namespace pricewire::feed
