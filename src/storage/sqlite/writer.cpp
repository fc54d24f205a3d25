#include "storage/sqlite/writer.hpp"

#include <filesystem>
#include <limits>

#include "base/log.hpp"

namespace pricewire::storage::sqlite {
namespace {

// How soon a user disabled on the command line is noticed.
constexpr auto look_every = std::chrono::milliseconds{200};
// Calls per commit at most, which bounds how long the first of them waits.
constexpr std::size_t max_group = 1000;

std::int64_t size_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error ? 0 : static_cast<std::int64_t>(size);
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, StorageEvents events)
    : db_(std::move(connection)),
      files_(db_->database().getFilename()),
      paths_(files_of(db_->database().getFilename())),
      events_(std::move(events)) {
    data_version_ = translate([&] { return db_->pragma("data_version"); });
    thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
    mailbox_.close();
    thread_.join();
}

void Writer::submit(Durability durability, std::function<void(Connection&)> call) {
    Job job{durability, std::move(call), {}, nullptr, {}};
    auto done = job.done.get_future();
    if (!mailbox_.push(&job)) throw StorageError("database: it is closed");
    done.get();
}

void Writer::run() {
    std::vector<Job*> batch;
    std::vector<Job*> group;
    while (true) {
        const bool came = mailbox_.drain(batch, system_clock().mono() + look_every);
        if (!came && mailbox_.closed() && mailbox_.size() == 0) return;
        for (std::size_t from = 0; came && from < batch.size(); from += max_group) {
            group.assign(
                batch.begin() + static_cast<std::ptrdiff_t>(from),
                batch.begin() + static_cast<std::ptrdiff_t>(std::min(from + max_group, batch.size())));
            commit_group(group);
        }
        look_for_foreign_writes();
    }
}

void Writer::commit_group(std::vector<Job*>& jobs) {
    try {
        translate([&] {
            check_files();
            Durability durability = Durability::process;
            for (const Job* job : jobs) {
                if (job->durability == Durability::power) durability = Durability::power;
            }
            set_durability(durability);
            db_->execute("BEGIN IMMEDIATE");
            for (Job* job : jobs) run_one(*job);
            db_->execute("COMMIT");
            // If they have gone meanwhile, the commit went with them.
            check_files();
        });
    } catch (...) {
        const auto error = std::current_exception();
        try {
            db_->execute("ROLLBACK");
        } catch (const SQLite::Exception&) {
            // SQLite has already rolled back (after a full disk, say).
        }
        for (Job* job : jobs) {
            if (!job->error) job->error = error;
        }
    }
    for (Job* job : jobs) {
        if (!job->error) {
            for (const Change& change : job->changes) raise(change);
        }
    }
    // A job lives on its caller's stack: after set_value() it no longer exists.
    for (Job* job : jobs) {
        if (job->error) {
            job->done.set_exception(job->error);
        } else {
            job->done.set_value();
        }
    }
}

void Writer::run_one(Job& job) {
    db_->execute("SAVEPOINT call");
    try {
        translate([&] {
            job.call(*db_);
            db_->execute("RELEASE call");
            job.changes = db_->take_changes();
        });
    } catch (...) {
        job.error = std::current_exception();
        db_->take_changes();
        // Throws if the whole transaction is gone; then the group fails.
        db_->execute("ROLLBACK TO call");
        db_->execute("RELEASE call");
    }
}

// Another program's VACUUM or checkpoint makes the files shorter, too, and SQLite then knows of it.
void Writer::check_files() {
    files_.check();
    const std::int64_t file_size = size_of(paths_[0]);
    const std::int64_t log_size = size_of(paths_[1]);
    if (file_size < file_size_ && db_->pragma("page_count") * db_->pragma("page_size") > file_size)
        OpenFiles::refuse_truncated(paths_[0]);
    if (log_size < log_size_ && bytes_in_log() > log_size) OpenFiles::refuse_truncated(paths_[1]);
    file_size_ = file_size;
    log_size_ = log_size;
}

// How long the log must be for what SQLite knows to be in it (sqlite.org/fileformat2.html#walformat).
std::int64_t Writer::bytes_in_log() {
    try {
        SQLite::Statement checkpoint(db_->database(), "PRAGMA wal_checkpoint(PASSIVE)");
        checkpoint.executeStep();
        const std::int64_t frames = checkpoint.getColumn(1).getInt64();
        return frames <= 0 ? 0 : 32 + frames * (24 + db_->pragma("page_size"));
    } catch (const SQLite::Exception&) {
        // It cannot be read as far as that.
        return std::numeric_limits<std::int64_t>::max();
    }
}

void Writer::set_durability(Durability durability) {
    if (set_ == durability) return;
    db_->execute(durability == Durability::power ? "PRAGMA synchronous = FULL"
                                                 : "PRAGMA synchronous = NORMAL");
    set_ = durability;
}

void Writer::raise(const Change& change) {
    if (const auto* alert = std::get_if<AlertChange>(&change)) {
        if (events_.alert_changed) events_.alert_changed(*alert);
    } else if (events_.user_changed) {
        events_.user_changed(std::get<UserChange>(change).user_id);
    }
}

void Writer::look_for_foreign_writes() {
    try {
        // data_version does not change with this connection's own commits
        // (sqlite.org/pragma.html#pragma_data_version).
        const std::int64_t now = db_->pragma("data_version");
        if (std::exchange(data_version_, now) != now && events_.user_changed)
            events_.user_changed(std::nullopt);
    } catch (const SQLite::Exception& e) {
        log::warn(
            "cannot check the database for changes by other processes; a user disabled there may be noticed "
            "late",
            {{"reason", e.what()}});
    }
}

}  // namespace pricewire::storage::sqlite
