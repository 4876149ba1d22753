// SPDX-License-Identifier: Apache-2.0
#include "live/ebpf.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/syscalls.h"

namespace stile::live {

namespace {

// Room in the maps. What does not fit is counted as lost. A program makes some hundred different calls at
// most; by process or thread each of them may make them.
constexpr uint32_t kFewCounts = 1 << 14;
constexpr uint32_t kManyCounts = 1 << 18;
constexpr uint32_t kGroups = 1 << 17;
constexpr uint32_t kPrograms = 1 << 12;
constexpr uint32_t kValues = 1 << 16;
constexpr uint32_t kProcesses = 1 << 10;

// eBPF programs that use the kernel's GPL-only helpers have to say so; theirs is the licence of
// ebpf_programs.cc.
constexpr const char* kLicence = "GPL";

tl::unexpected<Error> cannot(const std::string& what, int error) {
  std::string hint = "stile doctor says what this kernel can do";
  if (error == EPERM || error == EACCES) hint = "root can, or a process with CAP_BPF and CAP_PERFMON";
  return fail(Code::Unsupported, fmt::format("eBPF: {}: {}", what, std::strerror(error)), {}, hint);
}

struct FreeBtf {
  void operator()(btf* value) const { btf__free(value); }
};
using Btf = std::unique_ptr<btf, FreeBtf>;

// The kernel's own types. Since 6.16 they can be mapped (kernel/bpf/sysfs_btf.c), which saves reading five
// megabytes.
Btf kernel_types() {
  const Descriptor file(::open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file && ::fstat(file.get(), &status) == 0 && status.st_size > 0 && status.st_size <= UINT32_MAX) {
    const auto size = static_cast<size_t>(status.st_size);
    void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (mapped != MAP_FAILED) {
      Btf types(btf__new(mapped, static_cast<uint32_t>(size)));
      ::munmap(mapped, size);
      if (types) return types;
    }
  }
  return Btf(btf__load_vmlinux_btf());
}

// Where a member lies in a structure, looked for in unnamed members too. Nothing for a bit field or a member
// that does not exist.
std::optional<uint32_t> offset_in(const btf* types, uint32_t type, std::string_view member, int depth = 0) {
  const btf_type* structure = btf__type_by_id(types, type);
  if (structure == nullptr || !btf_is_composite(structure) || depth > 8) return std::nullopt;
  const btf_member* members = btf_members(structure);
  for (uint16_t i = 0; i < btf_vlen(structure); ++i) {
    const char* name = btf__name_by_offset(types, members[i].name_off);
    const uint32_t bits = btf_member_bit_offset(structure, i);
    if (name != nullptr && name == member) {
      if (bits % 8 != 0 || btf_member_bitfield_size(structure, i) != 0) return std::nullopt;
      return bits / 8;
    }
    if (name != nullptr && *name != '\0') continue;
    const int inner = btf__resolve_type(types, members[i].type);
    if (inner < 0) continue;
    if (auto found = offset_in(types, static_cast<uint32_t>(inner), member, depth + 1))
      return bits / 8 + *found;
  }
  return std::nullopt;
}

Result<bpf::Offsets> offsets_of(const btf* types) {
  bpf::Offsets offsets;
  uint32_t info = 0, status = 0, signal = 0;
  const struct {
    const char* structure;
    const char* member;
    uint32_t* offset;
  } kWanted[] = {
      {"task_struct", "pid", &offsets.task_pid},
      {"task_struct", "tgid", &offsets.task_tgid},
      {"task_struct", "exit_code", &offsets.task_exit_code},
      {"task_struct", "signal", &offsets.task_signal},
      {"task_struct", "thread_info", &info},
      {"thread_info", "status", &status},
      {"task_struct", "pending", &offsets.task_pending},
      {"sigpending", "signal", &signal},
      {"signal_struct", "flags", &offsets.signal_flags},
      {"linux_binprm", "interp", &offsets.binprm_interp},
  };
  for (const auto& wanted : kWanted) {
    const int type = btf__find_by_name_kind(types, wanted.structure, BTF_KIND_STRUCT);
    const auto offset =
        type < 0 ? std::nullopt : offset_in(types, static_cast<uint32_t>(type), wanted.member);
    // Offsets of instructions have 16 bits, with a sign.
    if (!offset || *offset > 0x7fff) {
      return fail(Code::Unsupported,
                  fmt::format("eBPF: this kernel's {} has no {}", wanted.structure, wanted.member),
                  "/sys/kernel/btf/vmlinux");
    }
    *wanted.offset = *offset;
  }
  offsets.task_status = info + status;
  offsets.task_pending += signal;
  if (std::max(offsets.task_status, offsets.task_pending) > 0x7fff)
    return fail(Code::Unsupported, "eBPF: parts of this kernel's task_struct lie too far back");
  return offsets;
}

int no_output(enum libbpf_print_level, const char*, va_list) {
  return 0;
}

}  // namespace

Result<void> Ebpf::make_maps() {
  const bool many = shape_.by == TraceBy::Process || shape_.by == TraceBy::Thread;
  const struct {
    int* map;
    bpf_map_type type;
    const char* name;
    uint32_t key, value, entries;
    bool wanted;
  } kMaps[] = {
      {&maps_.counts, BPF_MAP_TYPE_HASH, "stile_counts", 8, sizeof(bpf::CountValue),
       many ? kManyCounts : kFewCounts, true},
      {&maps_.shared, BPF_MAP_TYPE_ARRAY, "stile_shared", 4, sizeof(bpf::Shared), 1, true},
      {&maps_.programs, BPF_MAP_TYPE_HASH, "stile_programs", bpf::kPathBytes, 4, kPrograms, true},
      {&maps_.scratch, BPF_MAP_TYPE_PERCPU_ARRAY, "stile_scratch", 4, bpf::kPathBytes, 1, true},
      {&maps_.groups, BPF_MAP_TYPE_HASH, "stile_groups", 4, sizeof(bpf::GroupInfo), kGroups, many},
      {&maps_.comms, BPF_MAP_TYPE_HASH, "stile_comms", sizeof(bpf::CommKey), 4, kGroups,
       shape_.by == TraceBy::Comm},
      {&maps_.values, BPF_MAP_TYPE_HASH, "stile_values", sizeof(bpf::ValueKey), 8, kValues, shape_.args},
      {&maps_.watched, BPF_MAP_TYPE_ARRAY, "stile_watched", 4, 4, 2 * bpf::kTableCalls, shape_.args},
      {&maps_.attached, BPF_MAP_TYPE_HASH, "stile_attached", 4, 4, kProcesses, shape_.attach},
  };
  for (const auto& map : kMaps) {
    if (!map.wanted) continue;
    *map.map = bpf_map_create(map.type, map.name, map.key, map.value, map.entries, nullptr);
    if (*map.map < 0) return cannot(fmt::format("the table {} cannot be made", map.name), -*map.map);
    owned_.emplace_back(*map.map);
  }
  // Storage of tasks wants to be told the types of its key and value.
  const Btf types(btf__new_empty());
  if (!types) return cannot("no types can be described", errno);
  const int number = btf__add_int(types.get(), "u32", 4, 0);
  const int state = btf__add_struct(types.get(), "stile_task", sizeof(bpf::TaskState));
  if (number < 0 || state < 0 || btf__add_field(types.get(), "first", number, 0, 0) != 0)
    return cannot("no types can be described", ENOMEM);
  if (const int error = btf__load_into_kernel(types.get()); error != 0)
    return cannot("types cannot be loaded", -error);
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = BPF_F_NO_PREALLOC;
  options.btf_fd = static_cast<uint32_t>(btf__fd(types.get()));
  options.btf_key_type_id = static_cast<uint32_t>(number);
  options.btf_value_type_id = static_cast<uint32_t>(state);
  maps_.tasks =
      bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, "stile_tasks", 4, sizeof(bpf::TaskState), 0, &options);
  if (maps_.tasks < 0) return cannot("storage for tasks cannot be made", -maps_.tasks);
  owned_.emplace_back(maps_.tasks);

  if (!shape_.args) return {};
  for (const auto id : {arch::ArchId::X86_64, arch::ArchId::I386}) {
    for (const arch::Syscall& call : arch::all_syscalls(id)) {
      const auto argument = traced_argument(call.name);
      if (!argument || call.number >= bpf::kTableCalls) continue;
      const uint32_t key = call.number + (id == arch::ArchId::I386 ? bpf::kTableCalls : 0),
                     value = *argument + 1u;
      if (bpf_map_update_elem(maps_.watched, &key, &value, BPF_ANY) != 0)
        return cannot("a table cannot be filled", errno);
    }
  }
  return {};
}

namespace {

// `kind` and `target` say what it is attached to, `what` is for messages.
Result<Descriptor> load_program(const std::vector<bpf_insn>& code, bpf_attach_type kind, int target,
                                std::string_view what) {
  if (target < 0) return fail(Code::Unsupported, fmt::format("eBPF: this kernel has no {}", what));
  std::string log(1 << 16, '\0');
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  options.expected_attach_type = kind;
  options.attach_btf_id = static_cast<uint32_t>(target);
  options.log_buf = log.data();
  options.log_size = static_cast<uint32_t>(log.size());
  options.log_level = 0;  // the verifier writes when it refuses
  const int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "stile", kLicence, code.data(), code.size(), &options);
  if (fd >= 0) return Descriptor(fd);
  auto error = cannot(fmt::format("the program for {} is refused", what), -fd);
  // Its objection is the last line before its statistics.
  log.resize(std::strlen(log.c_str()));
  if (const size_t at = log.rfind("\nprocessed "); at != log.npos) log.resize(at);
  while (!log.empty() && log.back() == '\n') log.pop_back();
  const std::string reason = log.substr(log.rfind('\n') + 1);
  if (!reason.empty()) error.value().message += fmt::format(" ({})", reason);
  return error;
}

}  // namespace

Result<void> Ebpf::load() {
  const Btf types = kernel_types();
  if (!types) return cannot("this kernel does not describe its types (BTF)", errno);
  const auto offsets = offsets_of(types.get());
  if (!offsets) return tl::unexpected(offsets.error());
  const struct {
    const char* event;
    std::vector<bpf_insn> (*write)(const bpf::Maps&, const bpf::Offsets&, const bpf::Shape&);
  } kPrograms[] = {
      // Those that keep the state right first: it must be right when counting begins.
      {"sched_process_exit", bpf::end_program},  {"sched_process_exec", bpf::exec_program},
      {"sched_process_fork", bpf::fork_program}, {"sys_exit", bpf::exit_program},
      {"sys_enter", bpf::enter_program},
  };
  for (const auto& one : kPrograms) {
    const std::string type = fmt::format("btf_trace_{}", one.event);
    const int target = btf__find_by_name_kind(types.get(), type.c_str(), BTF_KIND_TYPEDEF);
    auto program = load_program(one.write(maps_, *offsets, shape_), BPF_TRACE_RAW_TP, target, one.event);
    if (!program) return tl::unexpected(program.error());
    programs_.push_back(std::move(*program));
  }
  const int target = btf__find_by_name_kind(types.get(), "bpf_iter_task", BTF_KIND_FUNC);
  const auto load_look = [&](auto write) {
    return load_program(write(maps_, *offsets, shape_), BPF_TRACE_ITER, target, "bpf_iter_task");
  };
  auto look = load_look(bpf::look_program), last = load_look(bpf::last_look_program);
  if (!look || !last) return tl::unexpected(look ? last.error() : look.error());
  look_ = std::move(*look);
  last_look_ = std::move(*last);
  for (const Descriptor& program : programs_) {
    const int link = bpf_raw_tracepoint_open(nullptr, program.get());
    if (link < 0) return cannot("a program cannot be attached", -link);
    links_.emplace_back(link);
  }
  return {};
}

Result<std::string> Ebpf::for_all_tasks(const Descriptor& program) const {
  const Descriptor link(bpf_link_create(program.get(), 0, BPF_TRACE_ITER, nullptr));
  const Descriptor all(link ? bpf_iter_create(link.get()) : -1);
  if (!all) return cannot("threads cannot be looked at", errno);
  std::string written;
  char part[4096];
  for (;;) {
    const ssize_t got = ::read(all.get(), part, sizeof part);
    if (got > 0) written.append(part, static_cast<size_t>(got));
    if (got == 0) return written;
    if (got < 0 && errno != EINTR && errno != EAGAIN) return cannot("threads cannot be looked at", errno);
  }
}

Result<std::unique_ptr<Ebpf>> Ebpf::start(const bpf::Shape& shape) {
  const auto machine = arch::arch_by_audit(machine_audit_arch(), 0);
  if (machine != arch::ArchId::X86_64)
    return fail(Code::Unsupported, "eBPF: written for x86-64 alone so far");
  libbpf_set_print(no_output);
  auto made = std::make_unique<Ebpf>();
  made->shape_ = shape;
  // The coarse clock goes on with each jiffy (ktime_get_coarse of kernel/time/timekeeping.c).
  timespec tick{};
  if (::clock_getres(CLOCK_MONOTONIC_COARSE, &tick) == 0 && tick.tv_sec == 0 && tick.tv_nsec > 0)
    made->shape_.tick = static_cast<uint32_t>(tick.tv_nsec);
  if (auto done = made->make_maps(); !done) return tl::unexpected(done.error());
  if (auto done = made->load(); !done) return tl::unexpected(done.error());
  return made;
}

Result<void> Ebpf::follow_child(int pidfd) {
  const bpf::TaskState state;
  if (bpf_map_update_elem(maps_.tasks, &pidfd, &state, BPF_NOEXIST) != 0)
    return cannot("the command cannot be followed", errno);
  const uint32_t zero = 0;
  bpf::Shared now = shared();
  now.live = 1;
  if (bpf_map_update_elem(maps_.shared, &zero, &now, BPF_ANY) != 0)
    return cannot("the command cannot be followed", errno);
  return {};
}

Result<void> Ebpf::follow_process(int pid, const std::string& program) {
  std::array<char, bpf::kPathBytes> path{};
  program.copy(path.data(), path.size() - 1);
  const uint32_t zero = 0, one = 1;
  bpf::Shared now;
  now.last_program = now.main_program = 1;
  if (bpf_map_update_elem(maps_.programs, path.data(), &one, BPF_ANY) != 0 ||
      bpf_map_update_elem(maps_.shared, &zero, &now, BPF_ANY) != 0 ||
      bpf_map_update_elem(maps_.attached, &pid, &one, BPF_ANY) != 0) {
    return cannot("the process cannot be followed", errno);
  }
  return {};
}

void Ebpf::forget_process(int pid) {
  bpf_map_delete_elem(maps_.attached, &pid);
}

bpf::Shared Ebpf::shared() const {
  const uint32_t zero = 0;
  bpf::Shared now;
  bpf_map_lookup_elem(maps_.shared, &zero, &now);
  return now;
}

uint64_t Ebpf::live() const {
  return shared().live;
}

template <typename Key, typename Value>
Result<std::vector<std::pair<Key, Value>>> Ebpf::all(int map) const {
  std::vector<std::pair<Key, Value>> found;
  Key key{}, next{};
  // Nothing is ever removed, so that walking by keys misses none that were there at the start.
  for (int error = bpf_map_get_next_key(map, nullptr, &next);;
       error = bpf_map_get_next_key(map, &key, &next)) {
    if (error == -ENOENT) return found;
    if (error != 0)
      return fail(Code::Io, fmt::format("eBPF: what was counted cannot be read: {}", std::strerror(-error)));
    key = next;
    Value value{};
    if (bpf_map_lookup_elem(map, &key, &value) == 0) found.emplace_back(key, value);
  }
}

TraceProgress Ebpf::progress() const {
  TraceProgress progress;
  progress.lost = shared().lost;
  const auto counts = all<bpf::CountKey, bpf::CountValue>(maps_.counts);
  const auto kept = for_all_tasks(look_);
  if (!counts || !kept) return progress;
  std::set<uint64_t> distinct;
  const auto add = [&](const bpf::CountKey& key, uint64_t calls) {
    progress.calls += calls;
    distinct.insert(key.bits & 0xffffffff);
  };
  for (const auto& [key, value] : *counts) add(key, value.calls);
  for (size_t at = 0; at + sizeof(bpf::KeptLook) <= kept->size(); at += sizeof(bpf::KeptLook)) {
    bpf::KeptLook one;
    std::memcpy(&one, kept->data() + at, sizeof one);
    add(one.key, one.calls);
  }
  progress.distinct = distinct.size();
  return progress;
}

namespace {

// What was measured stands for all that returned.
void take_times(CallCount& one, const bpf::CountValue& value) {
  if (value.covered == 0) return;
  one.returned = value.calls - value.untimed;
  one.estimated = one.returned - std::min(value.measured, one.returned);
  const auto scaled = static_cast<unsigned __int128>(value.total) * one.returned / value.covered;
  one.nanoseconds = static_cast<uint64_t>(std::min<unsigned __int128>(scaled, UINT64_MAX));
  one.shortest = value.measured == 0 ? value.longest : ~value.shortest;
  one.longest = value.longest;
}

}  // namespace

Result<TraceCounts> Ebpf::collect() {
  links_.clear();
  if (live() != 0) {
    if (auto looked = for_all_tasks(last_look_); !looked) return tl::unexpected(looked.error());
  }
  TraceCounts counts(shape_.by);
  const bpf::Shared now = shared();
  counts.add_lost(now.lost);
  // Runs that the kernel skipped because the program was running already on that CPU.
  for (const Descriptor& program : programs_) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0) counts.add_lost(info.recursion_misses);
  }
  std::map<uint32_t, std::string> programs;
  const auto paths = all<std::array<char, bpf::kPathBytes>, uint32_t>(maps_.programs);
  if (!paths) return tl::unexpected(paths.error());
  for (const auto& [path, number] : *paths) {
    programs[number] = resolved(std::string(path.data(), strnlen(path.data(), path.size())));
  }

  std::map<uint32_t, TraceCounts::Group> groups;
  const auto group_of = [&](uint32_t program) {
    TraceCounts::Group group;
    group.program = programs[program];
    group.main = program == now.main_program;
    return group;
  };
  if (shape_.by == TraceBy::Executable) {
    for (const auto& [number, path] : programs) groups[number] = group_of(number);
  } else if (shape_.by == TraceBy::Comm) {
    const auto comms = all<bpf::CommKey, uint32_t>(maps_.comms);
    if (!comms) return tl::unexpected(comms.error());
    for (const auto& [key, number] : *comms) {
      groups[number] = group_of(key.program);
      groups[number].comm = std::string(key.comm, strnlen(key.comm, sizeof key.comm));
    }
  } else {
    const auto infos = all<uint32_t, bpf::GroupInfo>(maps_.groups);
    if (!infos) return tl::unexpected(infos.error());
    for (const auto& [number, info] : *infos) {
      groups[number] = group_of(info.program);
      groups[number].pid = static_cast<int>(info.pid);
      groups[number].tid = static_cast<int>(info.tid);
      groups[number].comm = std::string(info.comm, strnlen(info.comm, sizeof info.comm));
    }
  }

  const auto counted = all<bpf::CountKey, bpf::CountValue>(maps_.counts);
  if (!counted) return tl::unexpected(counted.error());
  const auto call_of = [](const bpf::CountKey& key) {
    return TraceCounts::Call{key.i386() ? arch::arch_info(arch::ArchId::I386).audit_arch
                                        : arch::arch_info(arch::ArchId::X86_64).audit_arch,
                             key.number()};
  };
  for (const auto& [key, value] : *counted) {
    CallCount one;
    one.calls = value.calls;
    one.errors = value.errors;
    take_times(one, value);
    counts.add(counts.group(groups[key.group()]), call_of(key), one);
  }
  if (!shape_.args) return counts;
  const auto values = all<bpf::ValueKey, uint64_t>(maps_.values);
  if (!values) return tl::unexpected(values.error());
  for (const auto& [key, times] : *values) {
    const bpf::CountKey call{key.count_key};
    counts.argument(counts.group(groups[call.group()]), call_of(call), static_cast<uint32_t>(key.value));
  }
  return counts;
}

}  // namespace stile::live
