// SPDX-License-Identifier: Apache-2.0
#include "analysis/cache_entry.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include "base/sha256.h"

namespace stile::analysis {

namespace {

// Its last byte counts the layouts: whoever changes one below changes it.
constexpr std::array<uint8_t, 8> kMagic = {'s', 't', 'i', 'l', 'e', 0, 0, 1};
constexpr size_t kHead = kMagic.size() + sizeof(Sha256);

// The last value of each enumeration that is kept as a number.
constexpr EvidenceKind last_of(EvidenceKind) { return EvidenceKind::Human; }
constexpr GapKind last_of(GapKind) { return GapKind::LimitedWork; }
constexpr Question last_of(Question) { return Question::Directory; }

template <typename T, typename Field>
concept Is = std::is_same_v<std::remove_const_t<T>, Field>;

// What each structure is made of. The same lines write and read it, so the two cannot disagree, and a field that is added to a structure
// does not compile until it is named here.
template <typename Pass, Is<Frame> T>
void fields(Pass& pass, T& value) {
  auto& [function, package, module, file, line, address, via] = value;
  pass(function, package, module, file, line, address, via);
}
template <typename Pass, Is<Evidence> T>
void fields(Pass& pass, T& value) {
  auto& [kind, root, frames, note] = value;
  pass(kind, root, frames, note);
}
template <typename Pass, Is<SyscallUse> T>
void fields(Pass& pass, T& value) {
  auto& [name, number, arch, sites, packages, brought_by, because] = value;
  pass(name, number, arch, sites, packages, brought_by, because);
}
template <typename Pass, Is<Gap> T>
void fields(Pass& pass, T& value) {
  auto& [kind, function, object, file, line, address, what, hint] = value;
  pass(kind, function, object, file, line, address, what, hint);
}
template <typename Pass, Is<GoModule> T>
void fields(Pass& pass, T& value) {
  auto& [path, version] = value;
  pass(path, version);
}
template <typename Pass, Is<Origin> T>
void fields(Pass& pass, T& value) {
  auto& [program, build_id, go_version, main_module, link, tool_version, options, libraries] = value;
  pass(program, build_id, go_version, main_module, link, tool_version, options, libraries);
}
template <typename Pass, Is<AnalysisStats> T>
void fields(Pass& pass, T& value) {
  auto& [functions, reachable_functions, sites, wrappers, limit] = value;
  pass(functions, reachable_functions, sites, wrappers, limit);
}
template <typename Pass, Is<Analysis> T>
void fields(Pass& pass, T& value) {
  auto& [origin, syscalls, gaps, stats] = value;
  pass(origin, syscalls, gaps, stats);
}
template <typename Pass, Is<Lookup> T>
void fields(Pass& pass, T& value) {
  auto& [machine, question, path, limit] = value;
  pass(machine, question, path, limit);
}
template <typename Pass, Is<CacheEntry> T>
void fields(Pass& pass, T& value) {
  auto& [key, lookups, analysis] = value;
  pass(key, lookups, analysis);
}

void put_number(std::vector<uint8_t>& bytes, uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<uint8_t>(value | 0x80));
  bytes.push_back(static_cast<uint8_t>(value));
}

class Writer {
 public:
  template <typename... T>
  void operator()(const T&... values) {
    (one(values), ...);
  }
  std::vector<uint8_t> contents() const {
    std::vector<uint8_t> bytes;
    put_number(bytes, strings_.size());
    for (const std::string_view text : strings_) {
      put_number(bytes, text.size());
      bytes.insert(bytes.end(), text.begin(), text.end());
    }
    bytes.insert(bytes.end(), body_.begin(), body_.end());
    return bytes;
  }
  uint64_t memory() const { return memory_; }  // as Reader counts it

 private:
  void one(const std::string& text) {
    const auto [it, fresh] = numbers_.try_emplace(text, strings_.size());
    if (fresh) {
      strings_.push_back(it->first);
      memory_ += sizeof(std::string_view);
    }
    put_number(body_, it->second);
    memory_ += text.size();
  }
  template <typename T>
  void one(const std::vector<T>& values) {
    put_number(body_, values.size());
    memory_ += values.size() * sizeof(T);
    for (const T& value : values) one(value);
  }
  template <typename K, typename V>
  void one(const std::map<K, V>& values) {
    put_number(body_, values.size());
    memory_ += values.size() * sizeof(std::pair<K, V>);
    for (const auto& [key, value] : values) (*this)(key, value);
  }
  template <typename T>
  void one(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      put_number(body_, static_cast<uint64_t>(value));
    } else if constexpr (std::is_integral_v<T>) {
      put_number(body_, value);
    } else {
      fields(*this, value);
    }
  }

  std::vector<uint8_t> body_;
  std::vector<std::string_view> strings_;  // lie in what is written
  std::unordered_map<std::string_view, uint64_t> numbers_;
  uint64_t memory_ = 0;
};

// Once something is wrong all that is read is empty, and `good` says so at the end.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : left_(bytes) {
    const uint64_t count = number();
    for (uint64_t i = 0; i < count && good_; ++i) {
      const uint64_t size = number();
      if (size > left_.size()) {
        fail();
        return;
      }
      charge(sizeof(std::string_view));
      strings_.emplace_back(reinterpret_cast<const char*>(left_.data()), static_cast<size_t>(size));
      left_ = left_.subspan(static_cast<size_t>(size));
    }
  }
  template <typename... T>
  void operator()(T&... values) {
    (one(values), ...);
  }
  bool good() const { return good_; }
  bool at_end() const { return left_.empty(); }

 private:
  void fail() {
    good_ = false;
    left_ = {};
  }
  void charge(uint64_t bytes) {
    memory_ += bytes;
    if (memory_ > kMostMemory) fail();
  }
  uint64_t number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) break;
      const uint64_t byte = left_.front();
      left_ = left_.subspan(1);
      if (shift == 63 && byte > 1) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }
  // Every element takes a byte or more.
  uint64_t count() {
    const uint64_t value = number();
    if (value <= left_.size()) return value;
    fail();
    return 0;
  }
  void one(std::string& text) {
    const uint64_t which = number();
    if (!good_ || which >= strings_.size()) return fail();
    charge(strings_[which].size());
    if (good_) text = strings_[which];
  }
  template <typename T>
  void one(std::vector<T>& values) {
    const uint64_t size = count();
    charge(size * sizeof(T));
    if (!good_) return;
    values.reserve(static_cast<size_t>(size));
    for (uint64_t i = 0; i < size && good_; ++i) one(values.emplace_back());
  }
  template <typename K, typename V>
  void one(std::map<K, V>& values) {
    const uint64_t size = count();
    charge(size * sizeof(std::pair<K, V>));
    for (uint64_t i = 0; i < size && good_; ++i) {
      K key{};
      V value{};
      (*this)(key, value);
      if (good_ && !values.emplace(std::move(key), std::move(value)).second) fail();
    }
  }
  template <typename T>
  void one(T& value) {
    if constexpr (std::is_enum_v<T>) {
      const uint64_t read = number();
      if (read > static_cast<uint64_t>(last_of(T{}))) return fail();
      value = static_cast<T>(read);
    } else if constexpr (std::is_integral_v<T>) {
      const uint64_t read = number();
      value = static_cast<T>(read);
      if (static_cast<uint64_t>(value) != read) fail();
    } else {
      fields(*this, value);
    }
  }

  std::span<const uint8_t> left_;
  std::vector<std::string_view> strings_;
  uint64_t memory_ = 0;
  bool good_ = true;
};

}  // namespace

std::vector<uint8_t> seal(std::span<const uint8_t> contents) {
  const Sha256 digest = sha256(contents);
  std::vector<uint8_t> bytes(kHead + contents.size());
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  std::copy(digest.begin(), digest.end(), bytes.begin() + kMagic.size());
  std::copy(contents.begin(), contents.end(), bytes.begin() + kHead);
  return bytes;
}

std::vector<uint8_t> encode(const CacheEntry& entry) {
  Writer writer;
  writer(entry);
  std::vector<uint8_t> bytes = seal(writer.contents());
  if (bytes.size() > kLargestEntry || writer.memory() > kMostMemory) return {};
  return bytes;
}

std::optional<CacheEntry> decode_contents(std::span<const uint8_t> contents) {
  Reader reader(contents);
  CacheEntry entry;
  reader(entry);
  if (!reader.good() || !reader.at_end()) return std::nullopt;
  return entry;
}

std::optional<CacheEntry> decode(std::span<const uint8_t> bytes) {
  if (bytes.size() < kHead || bytes.size() > kLargestEntry) return std::nullopt;
  if (!std::equal(kMagic.begin(), kMagic.end(), bytes.begin())) return std::nullopt;
  const std::span<const uint8_t> contents = bytes.subspan(kHead);
  const Sha256 digest = sha256(contents);
  if (std::memcmp(digest.data(), bytes.data() + kMagic.size(), digest.size()) != 0) return std::nullopt;
  return decode_contents(contents);
}

}  // namespace stile::analysis
