// SPDX-License-Identifier: Apache-2.0
#include "read_policy.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <stile/embed.h>

#include "cache.h"
#include "terminal.h"

namespace stile::cli {
namespace {

constexpr size_t kMaxBytes = 16u << 20;
constexpr size_t kChunk = 64u << 10;

// include/uapi/linux/capability.h, by bit.
constexpr const char* kCapabilities[] = {
    "CAP_CHOWN",          "CAP_DAC_OVERRIDE",   "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
    "CAP_FSETID",         "CAP_KILL",           "CAP_SETGID",          "CAP_SETUID",
    "CAP_SETPCAP",        "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",      "CAP_NET_RAW",        "CAP_IPC_LOCK",        "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",     "CAP_SYS_RAWIO",      "CAP_SYS_CHROOT",      "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",      "CAP_SYS_ADMIN",      "CAP_SYS_BOOT",        "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",   "CAP_SYS_TIME",       "CAP_SYS_TTY_CONFIG",  "CAP_MKNOD",
    "CAP_LEASE",          "CAP_AUDIT_WRITE",    "CAP_AUDIT_CONTROL",   "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",   "CAP_MAC_ADMIN",      "CAP_SYSLOG",          "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",  "CAP_AUDIT_READ",     "CAP_PERFMON",         "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd > STDIN_FILENO) close(fd);
  }
};

// All of a regular file or of standard input, or its first bytes if it starts like an ELF file.
Result<std::string> read_bytes(const std::string& path) {
  // O_NONBLOCK: a FIFO without a writer must not keep us waiting.
  const Descriptor file{path == "-" ? STDIN_FILENO
                                    : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (file.fd < 0) return fail(Code::Io, std::string("cannot be opened: ") + std::strerror(errno), path);
  struct stat status {};
  if (fstat(file.fd, &status) != 0) return fail(Code::Io, std::string("cannot be read: ") + std::strerror(errno), path);
  if (S_ISDIR(status.st_mode)) return fail(Code::Io, "is a directory", path, "name a file");
  // Process substitution gives a FIFO: wait for its writer, who is there already.
  if (S_ISFIFO(status.st_mode)) fcntl(file.fd, F_SETFL, fcntl(file.fd, F_GETFL) & ~O_NONBLOCK);
  std::string text;
  while (true) {
    const size_t size = text.size();
    text.resize(size + kChunk);
    const ssize_t got = read(file.fd, text.data() + size, kChunk);
    if (got < 0) return fail(Code::Io, std::string("cannot be read: ") + std::strerror(errno), path);
    text.resize(size + static_cast<size_t>(got));
    if (got == 0 || text.starts_with("\x7f" "ELF")) return text;
    if (text.size() > kMaxBytes) return fail(Code::Limit, "is too large for a profile", path);
  }
}

// What a policy includes: a regular file, and no large one.
Result<std::string> read_included(const std::string& path) {
  constexpr size_t kMaxIncluded = 1u << 20;
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) return fail(Code::Io, std::string("cannot be opened: ") + std::strerror(errno), path);
  if (!S_ISREG(status.st_mode)) return fail(Code::Io, "is no regular file", path);
  std::string text;
  while (true) {
    const size_t size = text.size();
    text.resize(size + kChunk);
    const ssize_t got = read(file.fd, text.data() + size, kChunk);
    if (got < 0) return fail(Code::Io, std::string("cannot be read: ") + std::strerror(errno), path);
    text.resize(size + static_cast<size_t>(got));
    if (got == 0) return text;
    if (text.size() > kMaxIncluded) return fail(Code::Limit, "is too large for a policy", path);
  }
}

Result<Policy> analyse(const std::string& path, const Accept& accept, unsigned threads) {
  AnalyzeOptions how;
  how.cache = accept.cache;
  how.threads = threads;
  auto analysis = analyze(path, how);
  if (!analysis) return tl::unexpected(analysis.error());
  ProfileOptions options;
  options.runtime = "none";
  auto profile = make_profile(*analysis, options);
  if (!profile) return tl::unexpected(profile.error());
  Policy policy;
  policy.profile = std::move(*profile);
  policy.format = "elf";
  return policy;
}

Result<Policy> program_policy(const std::string& bytes, const std::string& path, Lift lift_it) {
  Policy policy;
  policy.format = "bpf";
  policy.text = bytes;
  auto program = from_bytes(bytes);
  if (program) {
    if (auto valid = validate(*program); !valid) program = tl::unexpected(valid.error());
  }
  if (!program) {
    Error error = program.error();
    error.where = path;
    return tl::unexpected(error);
  }
  policy.program = std::move(*program);
  if (lift_it == Lift::No) return policy;
  auto lifted = lift(*policy.program);
  if (lifted) {
    policy.profile = std::move(*lifted);
  } else {
    policy.not_lifted = lifted.error();
  }
  return policy;
}

}  // namespace

Result<Policy> read_policy(const std::string& path, const ReadContext& context, const Accept& accept, Lift lift_programs) {
  auto text = read_bytes(path);
  if (!text) return tl::unexpected(text.error());
  if (text->starts_with("\x7f" "ELF")) {
    if (accept.programs && path != "-") {
      expect_truncation(path);
      return analyse(path, accept, 0);
    }
    return fail(Code::Usage, "is a program, not a profile", path,
                "make one first: stile profile --runtime none " + path + " -o FILE");
  }
  if (text->empty()) return fail(Code::Usage, "is empty", path, "name a profile");
  const Format* format = recognise_format(*text);
  if (format == nullptr) {
    return fail(Code::Usage, "is in no format that stile reads", path,
                "stile convert --help lists them");
  }
  if (format->name == "bpf") return program_policy(*text, path, lift_programs);
  if (format->read == nullptr) {
    return fail(Code::Usage, fmt::format("is in the format '{}', which can only be written", format->name), path);
  }
  Policy policy;
  policy.format = format->name;
  auto profile = format->read(*text, path, context, &policy.warnings);
  if (!profile) return tl::unexpected(profile.error());
  policy.profile = std::move(*profile);
  policy.text = std::move(*text);
  return policy;
}

std::pair<Result<Policy>, Result<Policy>> read_two(const std::string& one, const std::string& other, const ReadContext& context, const Accept& accept) {
  const auto is_program = [](const std::string& path) {
    std::error_code error;
    if (path == "-" || !std::filesystem::is_regular_file(path, error)) return false;
    char magic[4] = {};
    return std::ifstream(path, std::ios::binary).read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "\x7f" "ELF";
  };
  const unsigned processors = std::thread::hardware_concurrency();
  if (processors < 2 || !is_program(one) || !is_program(other)) {
    auto first = read_policy(one, context, accept);
    if (!first) return {std::move(first), fail(Code::Usage, "is not needed", other)};
    return {std::move(first), read_policy(other, context, accept)};
  }
  expect_truncation(one + " or " + other);
  Result<Policy> second = fail(Code::Io, "was not read", other);
  std::thread helper;
  try {
    helper = std::thread([&] { second = analyse(other, accept, 0); });
  } catch (const std::system_error&) {  // no more threads to be had
    auto first = analyse(one, accept, 1);
    return {std::move(first), analyse(other, accept, 1)};
  }
  // Each may take all processors: one is done first, and then the other has them.
  auto first = analyse(one, accept, 0);
  helper.join();
  return {std::move(first), std::move(second)};
}

Result<Program> read_program(const std::string& path, const ReadContext& context, const Accept& accept) {
  // A program with a filter inside means that one. What cannot be read as a program is somebody else's to explain.
  const auto file = path == "-" ? Result<ProgramFile>(fail(Code::Io, "")) : read_program_file(path);
  if (file && file->bytes.size() > 4 && std::memcmp(file->bytes.data(), "\x7f" "ELF", 4) == 0) {
    auto embedded = find_embedded(file->bytes, path);
    if (!embedded) return tl::unexpected(embedded.error());
    if (*embedded) return std::move((*embedded)->installed);
  }
  auto policy = read_policy(path, context, accept, Lift::No);
  if (!policy) return tl::unexpected(policy.error());
  say_warnings(*policy, path);
  if (policy->program) return std::move(*policy->program);
  return compile(policy->profile);
}

Accept programs_too(const Arguments& arguments) { return {.programs = true, .cache = cache_directory(arguments)}; }

ReadContext context_here() {
  ReadContext context;
  utsname names{};
  if (uname(&names) == 0) {
    // "6.1.0-18-amd64": what counts is the release.
    const std::string release = names.release;
    context.kernel = release.substr(0, release.find_first_not_of("0123456789."));
    const std::string machine = names.machine;
    context.arch = machine == "aarch64" ? "arm64" : machine == "i686" ? "i386" : machine;
  }
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (!line.starts_with("CapBnd:")) continue;
    const uint64_t bits = std::strtoull(line.c_str() + 7, nullptr, 16);
    for (size_t i = 0; i < std::size(kCapabilities); ++i) {
      if ((bits >> i & 1) != 0) context.capabilities.insert(kCapabilities[i]);
    }
  }
  return context;
}

std::vector<Flag> context_flags() {
  return {
      {.names = "--arch",
       .value = "NAME",
       .help = "The machine a profile with an archMap, or arches in its rules, is read for. Default: this one"},
      {.names = "--kernel",
       .value = "RELEASE",
       .help = "The kernel it is read for, where rules speak of one (minKernel). Default: this one"},
      {.names = "--cap",
       .value = "NAME|none|all",
       .help = "The capabilities it is read for, where rules speak of them (docker's includes and excludes). "
               "Default: those this process could get",
       .repeat = true},
      {.names = "--thread",
       .value = "NAME",
       .help = "The thread whose filter is read, where a file holds several (seccompiler)"},
  };
}

Result<ReadContext> context_from(const Arguments& arguments) {
  ReadContext context = context_here();
  context.include = read_included;
  if (arguments.has("--thread")) context.thread = arguments.value("--thread");
  if (arguments.has("--arch")) context.arch = arguments.value("--arch");
  if (arguments.has("--kernel")) context.kernel = arguments.value("--kernel");
  if (!arguments.has("--cap")) return context;
  context.capabilities.clear();
  for (std::string name : arguments.values("--cap")) {
    if (name == "none") continue;
    if (name == "all") {
      context.capabilities.insert(std::begin(kCapabilities), std::end(kCapabilities));
      continue;
    }
    for (char& letter : name) letter = static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter);
    if (!name.starts_with("CAP_")) name = "CAP_" + name;
    const auto known = std::find_if(std::begin(kCapabilities), std::end(kCapabilities),
                                    [&](const char* candidate) { return name == candidate; });
    if (known == std::end(kCapabilities)) {
      return fail(Code::Usage, fmt::format("no capability is called '{}'", name), {}, "see capabilities(7)");
    }
    context.capabilities.insert(name);
  }
  return context;
}

void say_warnings(const Policy& policy, const std::string& path) {
  for (const std::string& warning : policy.warnings) {
    say(fmt::format("stile: {}: warning: {}\n", printable(path), printable(warning)));
  }
}

}  // namespace stile::cli
