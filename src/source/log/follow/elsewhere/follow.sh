# Tells what the logs of the host it runs on get, as they get it: its arguments are files, directories and globs; standard
# input has what was told before: when that was, then of each file its identity and how far, and whether another content
# is known to stand there since. POSIX sh; GNU find, stat, head and base64. It writes nothing, is nice to others, and ends
# with the connection.
LC_ALL=C
export LC_ALL
IFS=
renice -n 10 $$ >/dev/null 2>&1
echo "stackwatch ready"
known=$(cat)
echo "C $(date "+%s.%N %z") ${TZ:-$(readlink -f /etc/localtime 2>/dev/null)}"
if ! echo a | head -c 1 | base64 >/dev/null 2>&1; then
    echo "L base64"
    echo "stackwatch done"
    exit 0
fi

# Of each file how far it was told stands in a variable of its identity's name: at_2049_131.
since=
while IFS=" " read -r identity offset anew; do
    case $identity$offset in
    since*[!0-9]* | "") ;;
    since*) since=$offset ;;
    *[!0-9_]*) ;;
    *) eval "at_$identity=$offset anew_$identity=$anew" ;;
    esac
done <<END
$known
END

# Each file once, whatever names and links it has. One that is named may be called .1 by now.
files() {
    for pattern do
        for path in "$pattern" $pattern "$pattern.1"; do
            [ -e "$path" ] && find -L "$path" -type f -exec stat -L -c "%d_%i %s %Y %n" {} + 2>/dev/null
        done
    done | sort -u -k 1,1
}

# told IDENTITY FROM TO PATH: what stands there, a line of base64 for each piece. Each with some of what was told before, by
# which it is seen there whether this is the same content still: read at once, so that nothing can come in between.
told() {
    from=$2
    while [ "$from" -lt "$3" ]; do
        to=$((from + piece < $3 ? from + piece : $3))
        back=$((from < mark ? 0 : from - mark))
        printf "D %s %s " "$1" "$back"
        tail -c "+$((back + 1))" "$4" 2>/dev/null | head -c "$((to - back))" | base64 | tr -d "\n"
        echo
        from=$to
    done
}

for pattern do
    is_there=
    for path in "$pattern" $pattern; do [ -e "$path" ] && is_there=1; done
    [ -n "$is_there" ] || printf "N %s\n" "$pattern"
done

# grown IDENTITY SIZE PATH: a file that is known.
grown() {
    eval "anew=\${anew_$1-} anew_$1="
    if [ "$2" -lt "$at" ] || [ -n "$anew" ]; then
        # It was truncated: the rest of what it had is in its copy, of which there is nothing else to tell.
        copied=$(ls -1t "$3".[0-9]* "$3"-[0-9]* 2>/dev/null | head -n 1)
        copy=$(stat -L -c "%d_%i %s" "$copied" 2>/dev/null)
        if [ -r "$copied" ] && [ "${copy#* }" -ge "$at" ]; then
            told "$1" "$at" "${copy#* }" "$copied"
            eval "at_${copy% *}=${copy#* }"
        else
            printf "Z %s\n" "$3"
        fi
        printf "0 %s\n" "$1"
        at=0
    fi
    told "$1" "$at" "$2" "$3"
    eval "at_$1=$2"
}

# begun IDENTITY SIZE WRITTEN PATH: a file that is new.
begun() {
    if ! [ -r "$4" ]; then
        printf "X %s\n" "$4"
        eval "at_$1=unread"
        return
    fi
    at=0
    case $4 in
    # A rotation: if it was written since the last look, it was born and renamed in between.
    *.log.[0-9]* | *.log-[0-9]* | *-[0-9][0-9][0-9][0-9]*.log)
        if [ -z "$since" ] || [ "$3" -lt "$since" ]; then at=$2; fi
        ;;
    *) if [ -z "$since" ] && [ "$2" -gt "$piece" ]; then at=$(($2 - piece)); fi ;;
    esac
    printf "F %s %s %s %s %s\n" "$1" "$at" "$2" "$3" "$4"
    told "$1" "$at" "$2" "$4"
    eval "at_$1=$2"
}

piece=262144
mark=64
before=
rounds=0
while :; do
    now=$(date +%s)
    list=$(files "$@")
    if [ "$list" != "$before" ]; then
        before=$list
        # What goes on comes before what begins: only then it is known which files are copies.
        for is_known in 1 ""; do
            while IFS=" " read -r identity size written path; do
                case $path in
                "" | *.gz | *.xz | *.zst | *.bz2 | *.lz4 | *.journal | *.db | *.sqlite | *.pyc | *.pcap | *.tar | *.zip | *.lock | *.pid)
                    continue
                    ;;
                esac
                eval "at=\${at_$identity-}"
                case $is_known$at in
                1 | 1unread | unread) ;;
                1*) grown "$identity" "$size" "$path" ;;
                "") begun "$identity" "$size" "$written" "$path" ;;
                esac
            done <<END
$list
END
        done
        echo "K $now"
    fi
    since=$now
    # So that a connection that is gone is noticed, here and there.
    rounds=$((rounds + 1))
    [ $((rounds % 20)) = 0 ] && echo "K $now"
    sleep 1
done
