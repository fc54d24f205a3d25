#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alert/judged.hpp"
#include "alert/lines/packed.hpp"
#include "alert/lines/quiet.hpp"
#include "alert/lines/timers.hpp"
#include "base/uuid.hpp"
#include "domain/alert_state.hpp"
#include "rule/run.hpp"

namespace pricewire::alert {

// An alert that is put aside, and what wakes it.
struct KeptAlert {
    Uuid id;
    PutAside aside;
    std::array<Quiet, max_rules> quiet = {};
    // As of any time since then it is as it is. Not packed.
    Timestamp from = Timestamp::min();
    std::uint32_t shape = 0;  // of its terms, see TermShapes
};

// Terms without the numbers, percentages and amounts of their levels, each once: those are kept with the alert. Times, holds
// and what a repeat rearms by are part of a shape.
class TermShapes {
public:
    // The shape of the terms, with one more user.
    std::uint32_t take(const Terms& terms);
    void release(std::uint32_t shape);
    void pack(std::uint32_t shape, const Terms& terms, Packer& out) const;
    std::shared_ptr<const Terms> unpack(std::uint32_t shape, Unpacker& in) const;

private:
    struct Shape {
        std::shared_ptr<const Terms> terms;
        std::string text;
        std::size_t users = 0;
        bool has_numbers = false;
    };
    std::vector<Shape> shapes_;
    std::vector<std::uint32_t> free_;
    absl::flat_hash_map<std::string, std::uint32_t> by_text_;
};

// Many alerts that are put aside, by slot and by id, each in as few bytes as it needs. Pure; owned by one thread.
class KeptAlerts {
public:
    KeptAlerts() : by_id_(0, IdHash{this}, IdEqual{this}) {}
    KeptAlerts(const KeptAlerts&) = delete;
    KeptAlerts& operator=(const KeptAlerts&) = delete;

    // The alert's shape is set. Its id is not known yet.
    Slot add(KeptAlert& alert);
    void remove(Slot slot);

    KeptAlert get(Slot slot) const { return unpack(entry(slot).bytes.get(), entry(slot).id); }

    std::optional<Slot> find(const Uuid& id) const;
    std::size_t size() const { return by_id_.size(); }
    std::vector<Uuid> ids() const;

private:
    KeptAlert unpack(const char* bytes, const Uuid& id) const;
    const std::string& pack(const KeptAlert& alert);
    struct Entry {
        Uuid id;
        std::unique_ptr<char[]> bytes;
    };
    struct IdHash {
        using is_transparent = void;
        const KeptAlerts* all;
        std::size_t operator()(const Uuid& id) const { return absl::Hash<Uuid>{}(id); }
        std::size_t operator()(Slot slot) const { return (*this)(all->entry(slot).id); }
    };
    struct IdEqual {
        using is_transparent = void;
        const KeptAlerts* all;
        bool operator()(Slot a, Slot b) const { return a == b; }
        bool operator()(Slot a, const Uuid& b) const { return all->entry(a).id == b; }
        bool operator()(const Uuid& a, Slot b) const { return (*this)(b, a); }
    };
    static constexpr std::size_t page_size = 4096;
    const Entry& entry(Slot slot) const { return pages_[slot / page_size][slot % page_size]; }
    Entry& entry(Slot slot) { return pages_[slot / page_size][slot % page_size]; }

    TermShapes shapes_;
    std::vector<std::unique_ptr<Entry[]>> pages_;
    std::vector<Slot> free_;
    Slot used_ = 0;
    absl::flat_hash_set<Slot, IdHash, IdEqual> by_id_;
    Packer packer_;
};

}  // namespace pricewire::alert
