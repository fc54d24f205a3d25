#pragma once

#include <string>

namespace pricewire::test {

// Runs SQL at a PostgreSQL URL; returns the first row's first column, empty if there is none. Throws
// std::runtime_error.
std::string ask_postgres(const std::string& url, const std::string& sql);

// The URL of another database of the same server.
std::string with_database(const std::string& url, const std::string& name);

// A database of its own on a PostgreSQL server that others use too; dropped with this object. Throws
// std::runtime_error.
class OwnDatabase {
public:
    // "postgresql://…/DATABASE", of a superuser. Empty, or a copy of a database to which nobody is connected.
    explicit OwnDatabase(std::string server_url, const std::string& copy_of = "template0");
    ~OwnDatabase();
    OwnDatabase(const OwnDatabase&) = delete;
    OwnDatabase& operator=(const OwnDatabase&) = delete;

    const std::string& url() const { return url_; }
    const std::string& name() const { return name_; }
    // ask_postgres() in this database.
    std::string ask(const std::string& sql) const { return ask_postgres(url_, sql); }
    // Ends the connections of this database whose application_name is LIKE this one; returns how many.
    int terminate(const std::string& application_name) const;

private:
    std::string server_url_;
    std::string name_;
    std::string url_;
};

}  // namespace pricewire::test
