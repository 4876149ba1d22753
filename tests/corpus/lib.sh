# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Shared by get, list and workload: where things are and what the corpus holds.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FIXTURES=$HERE/../fixtures
CORPUS=${STILE_CORPUS:-${HOME:-/root}/.cache/stile-corpus}

GO_VERSIONS=(1.19 1.21 1.22 1.23)
# What a Go program can be linked like. The last four need a C compiler, and are all that cgohello has.
PURE_MODES=(static pie sw strip nosect pie-nosect)
C_MODES=(static-pie glibc-static musl-static cgo-dyn)
GAP_FIXTURES=(go-argv go-table c-argv c-otherlib c-int80 c-vsyscall32 c-exec c-dlopen c-dlopen-name c-pointer c-jit c-exchange c-choice c-asm c-ifunc c-packed go-packed)
# The C and C++ fixtures, and how each is linked.
C_FIXTURES=(ckitchen-glibc ckitchen-glibc-static ckitchen-glibc-nopie ckitchen-glibc-noplt ckitchen-musl ckitchen-musl-static cxx-glibc cxx-glibc-static)

# Prints the whole corpus, one program a line: id, kind, source, workload file, tags.
corpus_list() {
  local v m p tags
  for p in hello kitchen setid cgohello; do
    for v in "${GO_VERSIONS[@]}"; do
      for m in "${PURE_MODES[@]}" "${C_MODES[@]}"; do
        if [ $p = cgohello ] && [[ " ${PURE_MODES[*]} " == *" $m "* ]]; then continue; fi
        tags=-
        [ "$m" = cgo-dyn ] && tags=dynamic
        case $p-$v-$m in
          hello-1.23-static | hello-1.19-nosect | kitchen-1.23-strip | kitchen-1.19-pie | setid-1.23-musl-static | cgohello-1.23-cgo-dyn)
            tags=$tags,quick ;;
        esac
        printf '%s-%s-%s\tgo\t%s %s %s\t%s\t%s\n' $p "$v" "$m" $p "$v" "$m" $p "${tags#-,}"
      done
    done
  done
  grep -v '^#' "$HERE/programs.tsv"
  for p in "${C_FIXTURES[@]}"; do
    tags=quick
    [[ $p == *-static ]] || tags=dynamic,quick
    printf '%s\tc\t%s %s\t%s\t%s\n' "$p" "${p%%-*}" "${p#*-}" "${p%%-*}" "$tags"
  done
  for p in "${GAP_FIXTURES[@]}"; do
    case $p in
      *-packed) tags=packed ;;                # has to be refused
      c-int80 | c-vsyscall32) tags=ia32 ;;    # has to be found: no gap
      c-choice | c-asm | c-ifunc | c-pointer) tags=found ;;  # the same, with every number
      c-jit) tags=gap,wants-generated-code ;;
      c-exec) tags=gap,wants-exec-inherits ;;  # has to be reported as a gap, and as which
      c-dlopen*) tags=gap,wants-dynamic-loading ;;
      *) tags=gap,wants-unknown-number ;;
    esac
    printf 'gap-%s\tgap\t%s\tgap-%s\t%s,quick\n' "$p" "$p" "$p" $tags
  done
}
