// SPDX-License-Identifier: Apache-2.0
#include "format/oci_resolve.h"

#include <algorithm>
#include <charconv>
#include <climits>

#include <fmt/format.h>

#include <stile/nearest.h>

namespace stile::format::oci {
namespace {

using KernelRelease = std::pair<unsigned, unsigned>;

// include/uapi/linux/capability.h, in the order of their numbers.
constexpr std::string_view kCapabilities[] = {"CAP_CHOWN",
                                              "CAP_DAC_OVERRIDE",
                                              "CAP_DAC_READ_SEARCH",
                                              "CAP_FOWNER",
                                              "CAP_FSETID",
                                              "CAP_KILL",
                                              "CAP_SETGID",
                                              "CAP_SETUID",
                                              "CAP_SETPCAP",
                                              "CAP_LINUX_IMMUTABLE",
                                              "CAP_NET_BIND_SERVICE",
                                              "CAP_NET_BROADCAST",
                                              "CAP_NET_ADMIN",
                                              "CAP_NET_RAW",
                                              "CAP_IPC_LOCK",
                                              "CAP_IPC_OWNER",
                                              "CAP_SYS_MODULE",
                                              "CAP_SYS_RAWIO",
                                              "CAP_SYS_CHROOT",
                                              "CAP_SYS_PTRACE",
                                              "CAP_SYS_PACCT",
                                              "CAP_SYS_ADMIN",
                                              "CAP_SYS_BOOT",
                                              "CAP_SYS_NICE",
                                              "CAP_SYS_RESOURCE",
                                              "CAP_SYS_TIME",
                                              "CAP_SYS_TTY_CONFIG",
                                              "CAP_MKNOD",
                                              "CAP_LEASE",
                                              "CAP_AUDIT_WRITE",
                                              "CAP_AUDIT_CONTROL",
                                              "CAP_SETFCAP",
                                              "CAP_MAC_OVERRIDE",
                                              "CAP_MAC_ADMIN",
                                              "CAP_SYSLOG",
                                              "CAP_WAKE_ALARM",
                                              "CAP_BLOCK_SUSPEND",
                                              "CAP_AUDIT_READ",
                                              "CAP_PERFMON",
                                              "CAP_BPF",
                                              "CAP_CHECKPOINT_RESTORE"};

// "6.1.0-13-amd64" and "6.1" alike; `rest` is what follows the second number.
std::optional<KernelRelease> kernel_from(std::string_view text, std::string_view& rest) {
  KernelRelease release;
  const char* end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, release.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, release.second);
  if (minor.ec != std::errc()) return std::nullopt;
  rest = std::string_view(minor.ptr, static_cast<size_t>(end - minor.ptr));
  return release;
}

// What docker and podman call an architecture in includes and excludes: libseccomp-golang's
// ScmpArch.String(), which for one of them has a slip of the pen that profiles repeat.
bool is_called(arch::ArchId id, std::string_view word) {
  switch (id) {
    case arch::ArchId::X86_64:
      return word == "amd64";
    case arch::ArchId::I386:
      return word == "x86";
    case arch::ArchId::Mipsel64n32:
      return word == "mips3l64n32" || word == "mipsel64n32";
    case arch::ArchId::Loongarch64:
      return word == "loong64" || word == "loongarch64";
    default:
      return word == arch::arch_info(id).name;
  }
}

void check_arch(const std::string& word, const std::string& place, std::vector<std::string>& warnings) {
  for (const arch::ArchInfo& info : arch::all_archs()) {
    if (is_called(info.id, word)) return;
  }
  const auto meant = arch::arch_by_name(word);
  std::string hint;
  if (meant == arch::ArchId::X86_64) hint = " (docker says amd64)";
  if (meant == arch::ArchId::I386) hint = " (docker says x86)";
  warnings.push_back(fmt::format("{}: no architecture is called '{}' here{}: it never fits", place,
                                 word.substr(0, 64), hint));
}

void check_capability(const std::string& word, const std::string& place, std::vector<std::string>& warnings) {
  if (std::find(std::begin(kCapabilities), std::end(kCapabilities), word) != std::end(kCapabilities)) return;
  const std::string_view near = arch::nearest_name(word, kCapabilities);
  warnings.push_back(fmt::format("{}: no capability is called '{}'{}", place, word.substr(0, 64),
                                 near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
}

std::optional<arch::ArchId> arch_from_oci(std::string_view name) {
  for (const arch::ArchInfo& info : arch::all_archs()) {
    if (!name.empty() && name == info.oci_name) return info.id;
  }
  return std::nullopt;
}

// Reads a list of SCMP_ARCH_* names.
std::vector<arch::ArchId> read_arches(Object& object, const char* key) {
  std::vector<arch::ArchId> ids;
  object.array(key, Need::Optional, [&](const json& value, const std::string& path) {
    const std::string name = value.is_string() ? value.get<std::string>() : std::string();
    if (const auto id = arch_from_oci(name)) return ids.push_back(*id);
    object.decoder().fail(path, fmt::format("no architecture is called '{}'", name),
                          "they start with SCMP_ARCH_");
  });
  return ids;
}

}  // namespace

Result<Resolver> Resolver::make(const ReadContext& context) {
  Resolver resolver;
  const auto arch = arch::arch_by_name(context.arch);
  if (!arch) return fail(Code::Usage, fmt::format("no architecture is called '{}'", context.arch));
  resolver.arch_ = *arch;
  resolver.kernel_ = {UINT_MAX, UINT_MAX};
  if (!context.kernel.empty()) {
    std::string_view rest;
    const auto kernel = kernel_from(context.kernel, rest);
    if (!kernel) {
      return fail(Code::Usage, fmt::format("'{}' is no kernel release", context.kernel), {},
                  "say it like 6.1");
    }
    resolver.kernel_ = *kernel;
  }
  resolver.capabilities_ = context.capabilities;
  return resolver;
}

std::vector<arch::ArchId> Resolver::read_tables(Object& top, std::vector<std::string>& warnings) const {
  std::vector<arch::ArchId> tables = {arch_};
  std::vector<arch::ArchId> named = read_arches(top, "architectures");
  bool mapped = false;
  top.array("archMap", Need::Optional, [&](const json& value, const std::string& path) {
    if (!named.empty() && !mapped) {
      return top.fail("archMap", "stands beside architectures: use one of them");
    }
    Object object(top.decoder(), value, path);
    const std::string name = object.text("architecture", Need::Required);
    const auto own = arch_from_oci(name);
    if (!own)
      object.fail("architecture", fmt::format("no architecture is called '{}'", name),
                  "they start with SCMP_ARCH_");
    const std::vector<arch::ArchId> subordinate = read_arches(object, "subArchitectures");
    object.done();
    if (mapped || own != arch_) return;
    mapped = true;  // the first that fits
    named = subordinate;
  });
  if (!mapped && !named.empty() && std::find(named.begin(), named.end(), arch_) == named.end()) {
    warnings.push_back(
        fmt::format("/architectures: {} is not among them: container runtimes add the machine's own, and so "
                    "does stile",
                    arch::arch_info(arch_).name));
  }
  for (const arch::ArchId id : named) {
    if (std::find(tables.begin(), tables.end(), id) == tables.end()) tables.push_back(id);
  }
  return tables;
}

Resolver::Match Resolver::match(Object& entry, const char* key, std::vector<std::string>& warnings) const {
  Match match;
  const auto count = [&match](bool there) {
    match.all = match.all && there;
    match.any = match.any || there;
  };
  const json* value = entry.member(key);
  if (value == nullptr) return match;
  Object object(entry.decoder(), *value, entry.path_of(key));
  size_t index = 0;
  for (const std::string& name : object.texts("caps")) {
    check_capability(name, fmt::format("{}/{}", object.path_of("caps"), index++), warnings);
    count(capabilities_.contains(name));
  }
  const std::vector<std::string> arches = object.texts("arches");
  if (!arches.empty()) {
    bool fits = false;
    index = 0;
    for (const std::string& name : arches) {
      check_arch(name, fmt::format("{}/{}", object.path_of("arches"), index++), warnings);
      fits = fits || is_called(arch_, name);
    }
    count(fits);
  }
  const std::string least = object.text("minKernel");
  if (!least.empty()) {
    std::string_view rest;
    const auto kernel = kernel_from(least, rest);
    if (!kernel || !rest.empty()) {
      object.fail("minKernel", fmt::format("'{}' is no kernel release", least), "say it like \"4.8\"");
    } else {
      count(kernel_ >= *kernel);
    }
  }
  object.done();
  return match;
}

bool Resolver::applies(Object& entry, std::vector<std::string>& warnings) const {
  const Match included = match(entry, "includes", warnings);
  const Match excluded = match(entry, "excludes", warnings);
  return included.all && !excluded.any;
}

}  // namespace stile::format::oci
