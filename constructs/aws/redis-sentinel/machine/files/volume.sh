#!/bin/bash
# The data volume: found by its id, formatted only when there is nothing on it, mounted by its file system's id, grown to the volume's size.
source /usr/local/lib/millrace-redis/library.sh

within 900 test -b "$device" || fail "volume $DATA_VOLUME_ID is not attached"

# 2: nothing that anyone knows lies on it. Anything else than 0 and 2 is no reason to write to it.
found=0
blkid --probe "$device" >/dev/null || found=$?
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
