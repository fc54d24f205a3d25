// embed-folder <folder> <function> <out.cpp> <out.d>: converts a folder of built files into a source file
// that defines `std::span<const StaticFile> pricewire::api::<function>()`, and a dependency file that lists
// what was read. A folder that does not exist yields an empty table, so that the build does not need it.
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (!in) throw std::runtime_error("cannot read " + path.string());
    return bytes;
}

// Leaves an unchanged file alone, so that nothing is recompiled.
void write(const fs::path& path, const std::string& text) {
    if (fs::exists(path) && read(path) == text) return;
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.flush();
    if (!out) throw std::runtime_error("cannot write " + path.string());
}

std::string_view content_type(const fs::path& path) {
    static const std::map<std::string, std::string_view> types = {
        {".css", "text/css; charset=utf-8"},
        {".html", "text/html; charset=utf-8"},
        {".ico", "image/x-icon"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".png", "image/png"},
        {".svg", "image/svg+xml"},
        {".txt", "text/plain; charset=utf-8"},
        {".webmanifest", "application/manifest+json"},
        {".woff2", "font/woff2"},
    };
    const auto found = types.find(path.extension().string());
    return found == types.end() ? "application/octet-stream" : found->second;
}

std::string gzipped(std::string_view bytes) {
    z_stream stream{};
    constexpr int gzip_window = 15 + 16;  // zlib: the largest window, and a gzip header
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::runtime_error("zlib cannot be initialized");
    }
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int status = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (status != Z_STREAM_END) throw std::runtime_error("zlib could not compress a file");
    return out;
}

// As numbers: a string literal of this length exceeds the limit that the standard guarantees.
void append_array(std::string& out, std::size_t number, std::string_view bytes) {
    out += fmt::format("constexpr char file_{}[] = {{", number);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i % 32 == 0) out += '\n';
        out += std::to_string(static_cast<int>(static_cast<signed char>(bytes[i])));
        out += ',';
    }
    out += "\n};\n";
}

// Escapes a path for a dependency file.
std::string escaped(const fs::path& path) {
    std::string out;
    for (const char c : path.string()) {
        if (c == ' ' || c == '#') out += '\\';
        if (c == '$') out += '$';
        out += c;
    }
    return out;
}

void run(const fs::path& folder, const std::string& function, const fs::path& out, const fs::path& depfile) {
    std::vector<fs::path> files;
    // Folders too: their modification time changes when a file is added or removed.
    std::string dependencies = escaped(out) + ":";
    if (fs::is_directory(folder)) {
        dependencies += " " + escaped(folder);
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file()) files.push_back(entry.path());
            dependencies += " \\\n  " + escaped(entry.path());
        }
    } else {
        fs::path above = folder;
        while (!fs::exists(above) && above.has_relative_path()) above = above.parent_path();
        dependencies += " " + escaped(above);
    }
    std::sort(files.begin(), files.end());

    std::string arrays;
    std::string table;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const std::string path = fs::relative(files[i], folder).generic_string();
        const std::string bytes = read(files[i]);
        append_array(arrays, i, gzipped(bytes));
        const auto hash = pricewire::sha256(bytes);
        // Vite puts a content hash into the file names in assets/, and only there.
        table += fmt::format("    {{\"{}\", \"{}\", \"{}\",\n     {{file_{}, sizeof(file_{})}}, {}}},\n",
                             path, content_type(files[i]), pricewire::hex_encode(std::span(hash).first(16)),
                             i, i, path.starts_with("assets/"));
    }
    std::string text = "#include \"api/static_files.hpp\"\n\nnamespace pricewire::api {\n";
    if (files.empty()) {
        text += fmt::format("\nstd::span<const StaticFile> {}();\n", function);
        text += fmt::format("std::span<const StaticFile> {}() {{\n    return {{}};\n}}\n", function);
    } else {
        text += "namespace {\n\n" + arrays + "constexpr StaticFile files[] = {\n" + table +
                "};\n\n}  // namespace\n";
        text += fmt::format("\nstd::span<const StaticFile> {}();\n", function);
        text += fmt::format("std::span<const StaticFile> {}() {{\n    return files;\n}}\n", function);
    }
    text += "\n}  // namespace pricewire::api\n";
    write(out, text);
    write(depfile, dependencies + "\n");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 5) throw std::runtime_error("usage: embed-folder <folder> <function> <out.cpp> <out.d>");
        run(argv[1], argv[2], argv[3], argv[4]);
        return 0;
    } catch (const std::exception& e) {
        fmt::print(stderr, "embed-folder: {}\n", e.what());
        return 1;
    }
}
