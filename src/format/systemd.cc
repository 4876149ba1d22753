// SPDX-License-Identifier: Apache-2.0
#include "format/systemd.h"

#include <algorithm>

#include "format/recognise.h"

namespace stile {
namespace format {
namespace systemd {
namespace {

struct Named {
  arch::ArchId id;
  std::string_view name;
};
// systemd.exec(5), SystemCallArchitectures=.
constexpr Named kNames[] = {
    {arch::ArchId::X86_64, "x86-64"},           {arch::ArchId::I386, "x86"},
    {arch::ArchId::X32, "x32"},                 {arch::ArchId::Arm, "arm"},
    {arch::ArchId::Arm64, "arm64"},             {arch::ArchId::Loongarch64, "loongarch64"},
    {arch::ArchId::Mips, "mips"},               {arch::ArchId::Mips64, "mips64"},
    {arch::ArchId::Mips64n32, "mips64-n32"},    {arch::ArchId::Mipsel, "mips-le"},
    {arch::ArchId::Mipsel64, "mips64-le"},      {arch::ArchId::Mipsel64n32, "mips64-le-n32"},
    {arch::ArchId::Parisc, "parisc"},           {arch::ArchId::Parisc64, "parisc64"},
    {arch::ArchId::Ppc, "ppc"},                 {arch::ArchId::Ppc64, "ppc64"},
    {arch::ArchId::Ppc64le, "ppc64-le"},        {arch::ArchId::Riscv64, "riscv64"},
    {arch::ArchId::S390, "s390"},               {arch::ArchId::S390x, "s390x"},
};

constexpr std::string_view kSettings[] = {"SystemCallFilter", "SystemCallLog", "SystemCallErrorNumber", "SystemCallArchitectures"};

}  // namespace

std::string_view arch_name(arch::ArchId id) {
  for (const Named& one : kNames) {
    if (one.id == id) return one.name;
  }
  return {};
}

std::optional<arch::ArchId> arch_from(std::string_view name) {
  for (const Named& one : kNames) {
    if (one.name == name) return one.id;
  }
  return std::nullopt;
}

std::set<arch::ArchId> local_tables(arch::ArchId own) {
  using enum arch::ArchId;
  constexpr std::pair<arch::ArchId, arch::ArchId> kAlso[] = {
      {X86_64, I386}, {X86_64, X32}, {Arm64, Arm}, {Mips64, Mips}, {Mips64, Mips64n32}, {Mipsel64, Mipsel}, {Mipsel64, Mipsel64n32},
      {Parisc64, Parisc}, {Ppc64, Ppc}, {S390x, S390}};
  std::set<arch::ArchId> tables = {own};
  for (const auto& [machine, other] : kAlso) {
    if (machine == own) tables.insert(other);
  }
  return tables;
}

}  // namespace systemd

bool looks_like_systemd(std::string_view text) {
  return has_line(text, [](std::string_view line) {
    const std::string_view key = stripped(line.substr(0, line.find('=')));
    return line == "[Service]" || (key.size() < line.size() && std::find(std::begin(systemd::kSettings), std::end(systemd::kSettings),
                                                                         key) != std::end(systemd::kSettings));
  });
}

}  // namespace format

extern const Format kSystemdFormat = {"systemd", "a drop-in for a systemd unit: SystemCallFilter= and its like", false,
                                      format::systemd::write, format::systemd::read};

}  // namespace stile
