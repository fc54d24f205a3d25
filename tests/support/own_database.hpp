#pragma once

#include <string>

namespace pricewire::test {

// An empty database of a PostgreSQL server that others use too; dropped with this object. Errors are thrown
// as std::runtime_error.
class OwnDatabase {
public:
    explicit OwnDatabase(std::string server_url);  // "postgresql://…/DATABASE", of a superuser
    ~OwnDatabase();
    OwnDatabase(const OwnDatabase&) = delete;
    OwnDatabase& operator=(const OwnDatabase&) = delete;

    const std::string& url() const { return url_; }

private:
    std::string server_url_;
    std::string name_;
    std::string url_;
};

}  // namespace pricewire::test
