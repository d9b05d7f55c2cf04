# The functions of the recipes in pipeline.mk; make has bash read this file before each recipe.

# show COMMAND…: prints a command as it could be typed. run COMMAND…: prints it, and runs it.
show() {
  local word line=
  for word; do
    case $word in
      '' | *[^0-9A-Za-z._/:=@%+,-]*) line+=" '${word//\'/\'\\\'\'}'";;
      *) line+=" $word";;
    esac
  done
  printf '%s\n' "${line:1}"
}

run() {
  show "$@"
  "$@"
}

# launch PROCESSES HOSTS COMMAND…: runs a command like run, but as several processes, or on the machines
# of a hostfile, under mpirun. mpirun ends its processes a second after Ctrl-C, which is too short for a
# checkpoint, so it does not get the signal, but SIGUSR1, which it hands on.
launch() {
  local processes=$1 hosts=$2 status=0 pid parent
  shift 2
  command -v mpirun > /dev/null || {
    echo "pipeline.mk: RANKS and HOSTS need an MPI, such as openmpi-bin (docs/machines.md)" >&2
    return 69; }
  local -a mpirun=(mpirun -n "$processes")
  if [[ $(mpirun --version 2> /dev/null) == *'Open MPI'* ]]; then
    # Without the keepalives, minutes pass until a machine that is gone is noticed.
    mpirun+=(--bind-to none --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2
      --mca oob_tcp_keepalive_probes 3)
    if [ -n "$hosts" ]; then mpirun+=(--hostfile "$hosts" --map-by node); else mpirun+=(--oversubscribe); fi
    [ "$UID" != 0 ] || mpirun+=(--allow-run-as-root)
  else
    mpirun+=(-bind-to none)
    [ -z "$hosts" ] || mpirun+=(-f "$hosts" -ppn 1)
  fi
  trap 'kill -USR1 $pid 2> /dev/null || true' INT TERM HUP
  # In a session of its own, which Ctrl-C does not reach.
  show "${mpirun[@]}" "$@"
  setsid "${mpirun[@]}" "$@" < /dev/null & pid=$!
  # When make or this shell is killed, mpirun ends as after Ctrl-C.
  while sleep 1; do
    read -r _ _ _ parent _ < /proc/$$/stat && [ "$parent" = $PPID ] || { kill -USR1 $pid; break; }
  done > /dev/null 2>&1 & local guard=$!
  while status=0; wait $pid || status=$?; kill -0 $pid 2> /dev/null; do :; done
  kill $guard 2> /dev/null || true
  trap - INT TERM HUP
  return $status
}

# count_hosts FILE: prints how many machines a hostfile lists.
count_hosts() {
  grep -c '^[[:blank:]]*[^#[:blank:]]' "$1" 2> /dev/null || true
}

# batches_of_process BATCHES PROCESSES: prints how many batches of a step each process takes.
batches_of_process() {
  case $1$2 in *[!0-9]*) echo "pipeline.mk: ACCUMULATION and RANKS are numbers" >&2; return 64;; esac
  if [ "$2" = 0 ] || [ $(($1 % $2)) != 0 ]; then
    echo "pipeline.mk: a step of ACCUMULATION=$1 batches cannot be divided among $2 processes; choose \
RANKS or HOSTS so that their number divides it" >&2; return 64
  fi
  echo $(($1 / $2))
}

# as_path NAME: a leading ~ is the home folder, which few shells recognise in NAME=~/…; a leading -
# is part of the path, not of an option.
as_path() {
  local -n path=$1
  [ -e "$path" ] || case $path in
    '~' | '~/'*) path=$HOME${path:1};;
    '~'*)
      local user=${path%%/*} home
      home=$(getent passwd "${user:1}" | cut -d: -f6) || true
      [ -z "$home" ] || path=$home${path:${#user}};;
  esac
  case $path in -*) path=./$path;; esac
}

# as_words ARRAY TEXT: splits the text at blanks; quotes and backslashes keep words together, and
# nothing is executed. A program that only shows its help would count as having made its file.
as_words() {
  local -n words=$1
  local index
  if ! printf '%s' "$2" | xargs -r printf '%s\0' > /dev/null 2>&1; then
    echo "pipeline.mk: a quote is not closed in: $2" >&2
    return 64
  fi
  mapfile -d '' -t words < <(printf '%s' "$2" | xargs -r printf '%s\0')
  for index in "${!words[@]}"; do
    case ${words[index]} in
      '~/'*) words[index]=$HOME${words[index]:1};;
      -h | --help | --version)
        echo "pipeline.mk: make cannot be used for ${words[index]}; run the program itself with it" >&2
        return 64;;
    esac
  done
}

# as_typed NAME: the value with its leading blanks, which make removes; its command line still has them.
as_typed() {
  local -n typed=$1
  local word
  while IFS= read -r -d '' word; do
    case $word in "$1="*) typed=${word#*=};; esac
  done < /proc/$PPID/cmdline
}

# did_you_mean WORD CANDIDATES…: prints "; did you mean X?", or nothing if no candidate is close to WORD.
did_you_mean() {
  printf '%s\n' "${@:2}" | awk -v word="$1" '
    function least(a, b, c) { return a < b ? (a < c ? a : c) : (b < c ? b : c) }
    function distance(a, b,   i, j, d) {
      for (i = 0; i <= length(a); i++) for (j = 0; j <= length(b); j++)
        d[i, j] = !i ? j : !j ? i : least(d[i - 1, j] + 1, d[i, j - 1] + 1,
          d[i - 1, j - 1] + (substr(a, i, 1) != substr(b, j, 1)))
      return d[length(a), length(b)]
    }
    BEGIN { best = length(word) / 2 }
    { d = distance(toupper(word), toupper($0)); if (d <= best) { best = d - 0.1; name = $0 } }
    END { if (name != "") printf "; did you mean %s?", name }'
}

# problem_of_run NAME: prints why this cannot name a run; nothing if it can.
problem_of_run() {
  local LC_ALL=C letters=$'0-9A-Za-z._+@\x80-\xff-'
  case $1 in
    '') echo "it is empty";;
    [-.]*) echo "it begins with '${1:0:1}'";;
    *.previous | *.kept | *.settings | *.variables | *.started | *.partial | *.replaced | README.md)
      echo "such names are taken";;
    *[[:space:][:cntrl:]]*) echo "there is a blank in it";;
    *[^$letters]*) local rest=${1//[$letters]}; echo "there is a '${rest:0:1}' in it";;
    *) [ ${#1} -le 200 ] || echo "it is too long";;
  esac
}

# problem_of_names NAMES RUNS…: prints why the names are not those of different runs; nothing if they are.
problem_of_names() {
  local name seen=' '
  local -a names
  read -ra names <<< "$1"
  for name in "${names[@]}"; do
    if [[ $seen == *" $name "* ]]; then
      echo "$name is named twice"
      break
    elif [[ " ${*:2} " != *" $name "* ]]; then
      echo "there is no run $name; there are: ${*:2}$(did_you_mean "$name" "${@:2}")"
      break
    fi
    seen+="$name "
  done
}

# problem_of_sources NAMES RUN: prints why the run cannot be made from the runs named; nothing if it can.
problem_of_sources() {
  local name problem
  local -a known
  mapfile -t known < <({ echo fixture; ls data/raw checkpoints 2> /dev/null; } |
    sed -n '/\.\(previous\|kept\)\.jsonl$/d; s/^fixture$/&/p; s/\.\(jsonl\|variables\)$//p' | sort -u)
  problem=$(problem_of_names "$1" "${known[@]}")
  for name in $1; do
    if [ -n "$problem" ]; then
      :
    elif [ "$name" = "$2" ]; then
      problem="$name is the run itself"
    elif grep -qs '^FROM=' "data/clean/$name.settings"; then
      problem="$name is made from other runs itself; name those (make show RUN=$name)"
    fi
  done
  [ -z "$problem" ] || echo "FROM: $problem"
}

# newest_model RUN: prints the folder of the finished model, or else of the newest checkpoint.
newest_model() {
  ls -d "checkpoints/$1"/{final,checkpoint-*}/trainer_state.json 2> /dev/null | sort -V |
    sed 's,/trainer_state.json$,,; /\/final$/ { p; q }' | tail -n 1
}

# first_words TOKENS BPE_ENCODE: prints how five posts begin, of those that were held back if there are any.
first_words() {
  local shard
  for shard in "$1"/{validation,train}-00000.bin; do
    [ ! -e "$shard" ] || break
  done
  { "$2" --decode "$shard" | cut -d ' ' -f 1-3 || true; } | awk 'NF && !seen[$0]++ { print; if (++n == 5) exit }'
}

# has_saved FOLDER FILE: prints a checkpoint or model of a run that is newer than the file, if any.
has_saved() {
  local state
  for state in "$1"/{final,checkpoint-*}/trainer_state.json; do
    if [ "$state" -nt "$2" ]; then echo "$state"; break; fi
  done
}

# confirm_removal FILES…: asks whether files that are hard to replace may be removed; fails if not.
confirm_removal() {
  local answer=
  echo "this removes these models and posts of channels:" >&2
  du -shc -- "$@" >&2
  if [ ! -t 0 ]; then
    echo "pipeline.mk: nothing was removed; without a terminal, make distclean CONFIRM=yes removes them" >&2
    return 64
  fi
  read -rp "Remove them and everything else that was made? [y/N] " answer || echo >&2
  case $answer in
    [yY] | [yY][eE][sS]) ;;
    *) echo "pipeline.mk: nothing was removed" >&2; return 1;;
  esac
}

# settle_posts RAW TG_DUMP: decides what to do with RAW.kept.jsonl, the posts as they were before a
# dump. If the dump has replaced them, they become RAW.previous.jsonl. Posts of an export, which can
# be read again, never replace those of a channel, which may have been deleted there; posts of the
# same channel are merged. make may have ended at any moment before, so settings never belong to other posts.
settle_posts() {
  local kept=$1.kept previous=$1.previous source='' earlier=''
  if [ ! -e "$kept.jsonl" ]; then
    # The second of the two moves below is missing.
    [ ! -e "$kept.settings" ] || mv "$kept.settings" "$previous.settings"
    return
  fi
  [ ! -e "$kept.settings" ] || read -r source _ < "$kept.settings" || true
  [ ! -e "$previous.settings" ] || read -r earlier _ < "$previous.settings" || true
  if same_posts "$1"; then
    # Nothing was replaced, so the earlier stamp is still valid.
    [ ! -e "$kept.settings" ] || ! grep -qs '^EXPORT=?' "$1.settings" || mv "$kept.settings" "$1.settings"
  elif [ -e "$previous.jsonl" ] && [[ $earlier == EXPORT=@* && $source == "$earlier" ]]; then
    "$2" "$kept.jsonl" --output "$previous.jsonl"
  elif [ ! -e "$previous.jsonl" ] || [[ $earlier != EXPORT=@* || $source == EXPORT=@* ]]; then
    rm -f "$previous.settings"
    mv "$kept.jsonl" "$previous.jsonl"
    [ ! -e "$kept.settings" ] || mv "$kept.settings" "$previous.settings"
    echo "pipeline.mk: the replaced posts are kept in $previous.jsonl" >&2
  fi
  rm -f "$kept.settings"{.partial,} "$kept.jsonl"
}

# same_posts RAW: succeeds if a dump that was stopped has replaced nothing.
same_posts() {
  [ "$1.kept.jsonl" -ef "$1.jsonl" ] || cmp -s "$1.kept.jsonl" "$1.jsonl"
}

# dump_facts EXPORT DUMP_FLAGS STAMP: prints the kind of the source (channel, export or missing);
# newer if an export is newer than the stamp, else -; the source; and the options that determine
# which posts are written, and how.
dump_facts() {
  # printf %q quotes letters differently in other locales.
  local LC_ALL=C.UTF-8 source=$1 kind=missing newer=- file
  local -a flags
  as_words flags "$2" || return
  case " ${flags[*]} " in *' --live '*) kind=channel;; esac
  case $source in @* | *://* | t.me/* | telegram.me/*) kind=channel;; esac
  if [ $kind = channel ]; then
    source=${source,,} source=${source#*://} source=${source#*.me/} source=${source#s/}
    # A link may be that of a post, and have a query; those to private channels stay whole.
    case $source in c/* | +* | joinchat/*) ;; *) source=${source%%[/?]*};; esac
    source=@${source#@} source=${source%/}
  else
    as_path source
    file=$source source=${source%/} source=${source%/result.json}
    if [ -d "$file" ]; then
      for file in "$source"/result.json{,.gz} "$source"/{,chats/*/}messages*.html; do
        [ ! -e "$file" ] || break
      done
    fi
    [ ! -e "$file" ] && [ ! -d "$source" ] || kind=export
    for file in "$file" "${file%/*}"/messages*.html "$source"/chats/*/messages*.html; do
      [ ! "$file" -nt "$3" ] || newer=newer
    done
  fi
  printf '%s %s %q' $kind $newer "$source"
  set -- "${flags[@]}"
  while [ $# -gt 0 ]; do
    case $1 in
      --delay | --user-agent | --base-url | --tdlib | --session | --config | --refresh)
        [ $# -eq 1 ] || shift;;
      --delay=* | --user-agent=* | --base-url=* | --tdlib=* | --session=* | --config=*) ;;
      --refresh=*) ;;
      *) printf ' %q' "$1";;
    esac
    shift
  done
}

# newer_rules CLEAN_FLAGS STAMP: prints a rule file of the flags that is newer than the stamp, if any.
newer_rules() {
  local file
  local -a flags
  as_words flags "$1" 2> /dev/null || return
  set -- "$2" "${flags[@]}"
  for file in "${@:2}"; do
    if [ "${file#--rules=}" -nt "$1" ]; then echo "${file#--rules=}"; break; fi
  done
}

# list_runs: prints a line for each run, with what its newest state says.
list_runs() {
  local folder state line='%-24s %15s %9s %9s %10s %6s  %s\n'
  printf "$line" run steps loss lowest bits/byte size date
  for folder in checkpoints/*/; do
    folder=${folder%/}
    case $folder in *.previous) continue;; esac
    state=$(ls -t "$folder"/{final,checkpoint-*}/trainer_state.json 2> /dev/null | head -n 1) || true
    [ -n "$state" ] || continue
    printf "$line" "${folder#checkpoints/}" $(awk -F '": |,$' '
      function decimal(text) { return text + 0 > 0 ? sprintf("%.4f", text) : "-" }
      { gsub(/[ "]/, "", $1); value[$1] = $2 }
      END { print value["global_step"] "/" value["max_steps"], decimal(value["loss"]),
        decimal(value["best_metric"]), decimal(value["eval_bits_per_byte"]) }' "$state") \
      "$(du -sh "$folder" | cut -f 1)" "$(date -r "$state" '+%F %H:%M')"
  done
}
