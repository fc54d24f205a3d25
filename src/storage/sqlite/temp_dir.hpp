#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace pricewire::storage {

// For tests: a new directory, removed with its contents.
class TempDir {
public:
    TempDir() : path_((std::filesystem::temp_directory_path() / "pricewire-XXXXXX").string()) {
        if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary directory");
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::filesystem::path operator/(const char* name) const { return std::filesystem::path(path_) / name; }
    std::filesystem::path path() const { return path_; }

private:
    std::string path_;
};

}  // namespace pricewire::storage
