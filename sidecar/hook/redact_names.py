# SPDX-License-Identifier: Apache-2.0
"""What of a domain may be logged, by the names in libvirt's schemas (``domaincommon.rng``).

What is in none of these lists is removed as well: an element or attribute that comes with a
later libvirt, a foreign namespace. A test holds the lists against the installed schemas.
"""

ATTRIBUTES = frozenset(
    """
    accel2d accel3d access accessmode action actual address adjustment alias allow append
    appid arch associativity ats auto autodeflate autoport average aw_bits bandwidth bar
    base basis behavior bits bridge bufferCount bufferLength burst bus busNr bytes cache
    caching_mode capability cellid channel channels chassis chassisNr check class classID
    clientName clusters cmd_per_lun compression connectPorts connected connectionid
    controller copy_on_read copypaste cores count cpus cpuset cssid csum current cyls
    defaultMode detect_zeroes dev device devno dies dir discard display dmode domain driver
    dspPolicy dumpCore ecn eim enable enabled end engine eoi error_policy evdev event_idx
    exactName exclude exclusive fallback family fdgroup fid file filter firmware
    fixedSettings flock floor fmode format freePageReporting frequency fullscreen function
    gateway grab grabToggle group gso guestReset hash heads host hotplug hotpluggable id
    index initiator instanceid interfaceid intremap io iobase ioeventfd iommu iothread
    iothreads iotlb irq isolated job kernelHashes keymap labelskip latency level limit
    listen loadparm logFile logical_block_size macTableManager machine managed managerid
    master match max maxEventChannels maxGrantFrames max_sectors memAccess memory metric
    migratable missing mixingEngine mode model mrg_rxbuf multiUser multidevs multifunction
    name namespace nativeMode netmask network nodeset offset order p2p packed page_per_vq
    parent parent_fabric_wwn parent_wwnn parent_wwpn passwdValidTo path peak peer period
    persistent persistent_state physical_block_size placement policy pool port portgroup
    portgroupid portid ports posix powerControl prefix present primary priority product
    profileid proto protocol queue queue_size queues ram ramfb rawio readonly ready
    rebootTimeout reg relabel removable rendernode repeat replaceUser rerror_policy resizing
    retries role rotation_rate rss rss_hash_report rx_queue_size scaling scheduler seconds
    secs secure serverName service sgio shareBacking sharePolicy size slave slew slot slots
    snapshot socket sockets speed ssid start startport startupPolicy state stateless
    stepping streamName switchid tap target template templateFormat thread_pool_max
    thread_pool_min threads
    threshold tickpolicy timeout timerPeriod timezone tls tlsHostname tlsPort to track trans
    transport tray trunk trustGuestRxFilters tryMMap tryPoll tso4 tso6 tty tx_queue_size
    txmode type typeid typeidversion ufo uid unique_id unit units unknown usage user
    username useserial uuid vcpu vcpus vectors vendor vendor_id verify version vgaconf
    vgamem vhost voices volume vram vram64 websocket writeFiltering wrpolicy wwnn wwpn x
    xattr xauth xmlns y
    """.split()  # noqa: SIM905 - a list of hundreds of lines reads no better
)
"""Attributes whose values stay: names, numbers, addresses, paths, choices from a list."""

REMOVED_ATTRIBUTES = frozenset("passwd secret query value".split())  # noqa: SIM905 - as below
"""Passwords of VNC and SPICE; references to secrets; the query of a disk's URL, where tokens
stand; ``value``, which holds anything, but for the elements below."""

VALUES = frozenset(
    """
    bandwidth cfpc ibs latency line sbbc shareipc sharenet shareuts sibling size vendor_id
    """.split()  # noqa: SIM905 - as above
)
"""Elements whose attribute ``value`` stays: sizes, rates, and choices from a list."""

TEXTS = frozenset(
    """
    alignsize arch backend baselabel block bootloader cbitpos certificate char clusterSize
    compat current currentMemory database datacenterpath dtb emulator emulator_period
    emulator_quota genid global_period global_quota group group_name handle hard_limit
    imagelabel init initdir initgroup initrd inituser interface iothread_period
    iothread_quota iothreads kernel label loader lockspace maxMemory max_size maxpagesize
    memory min_guarantee mode model name node nodemask nvram on_crash on_lockfailure
    on_poweroff on_reboot owner pagesize partition path pcihole64 period policy product
    quota read_bytes_sec read_bytes_sec_max read_bytes_sec_max_length read_iops_sec
    read_iops_sec_max read_iops_sec_max_length reducedPhysBits requested root serial shares
    size size_iops_sec sndbuf soft_limit space_hard_limit space_soft_limit swap_hard_limit
    table tb-cache total_bytes_sec total_bytes_sec_max total_bytes_sec_max_length
    total_iops_sec total_iops_sec_max total_iops_sec_max_length tseg type uuid vcpu vendor
    weight write_bytes_sec write_bytes_sec_max write_bytes_sec_max_length write_iops_sec
    write_iops_sec_max write_iops_sec_max_length wwn
    """.split()  # noqa: SIM905 - a list of hundreds of lines reads no better
)
"""Elements whose text stays."""

REMOVED_TEXTS = frozenset(
    """
    bootloader_args cmdline cookie description dhCert entry initarg initenv key session title
    """.split()  # noqa: SIM905 - a list of hundreds of lines reads no better
)
"""Cookies of HTTP disks, arguments of kernels and of containers' first processes, keys of
``<launchSecurity>`` and of leases, free text; ``entry``, but for those below."""

ENTRIES = frozenset("date family manufacturer product release sku uuid vendor version".split())  # noqa: SIM905 - as above
"""Entries of ``<sysinfo type='smbios'>`` whose text stays. Serial numbers and asset tags do
not: cloud-init reads its source from there, credentials in the URL included."""

OPAQUE = frozenset("oemStrings secret session dhCert idBlock idAuth hostData".split())  # noqa: SIM905 - as above
"""Elements of whose content nothing stays, not even names: ``<oemStrings>`` has credentials
for systemd."""
