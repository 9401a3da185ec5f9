#!/bin/bash
# The data volume: found by its id, formatted when it is new, mounted, grown.
source /usr/local/lib/millrace-redis/library.sh

within 900 test -b "$device" || fail "volume $DATA_VOLUME_ID is not attached"

# 2: nothing known lies on it, or it cannot be read; a new one is zeros.
found=0
blkid --probe "$device" >/dev/null || found=$?
[[ $found != 2 ]] || cmp -s -n 1048576 "$device" /dev/zero || found=full
case $found in
  0) ;;
  2) say "volume $DATA_VOLUME_ID is empty: makes a file system"; mkfs.ext4 -q -m 1 -L millrace-redis "$device" ;;
  *) fail "volume $DATA_VOLUME_ID cannot be read (blkid $found)" ;;
esac

uuid=$(blkid --probe --match-tag UUID --output value "$device")
mkdir -p "$volume"
if ! grep -q " $volume " /etc/fstab; then
  printf 'UUID=%s %s ext4 defaults,noatime,nodev,nosuid,noexec,nofail 0 2\n' "$uuid" "$volume" >>/etc/fstab
fi
# At later boots systemd mounts it too, at the same time.
mounted() { mountpoint -q "$volume" || mount "$volume" || mountpoint -q "$volume"; }
within 60 mounted || fail "volume $DATA_VOLUME_ID cannot be mounted"
grow_volume
chmod 0755 "$volume"
end_interrupted_restore
install -d -m 0700 -o "$owner" -g "$owner" "$volume/redis" "$volume/sentinel"
