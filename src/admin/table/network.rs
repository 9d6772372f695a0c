use super::super::accounts::Role::{Administrator, Operator, Viewer};
use super::super::reading::gather::OUTCOMES;
use super::super::telling::CampaignDraft;
use super::super::types;
use super::Trail::Says;
use super::{LIMIT, PAGE, Parameter, Route, number, one_of, text};
use crate::sip::CampaignView;

/// What happens on the network.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/events", Viewer, "What happened, newest first; for administrators with who did what")
        .asks(EVENTS)
        .gives::<types::Events>(),
    Route::get("/live", Viewer, "What happens from now on, as server-sent events").gives_bytes("text/event-stream"),
    Route::get("/leases", Viewer, "The leases of all networks").asks(PAGE).gives::<types::Leases>(),
    Route::get("/leases/export", Viewer, "Leases as another server keeps them").asks(FORM).gives::<types::LeaseFile>(),
    Route::post("/leases/import", Administrator, "Take over leases of another server")
        .asks(FORM)
        .takes_bytes("text/plain")
        .gives::<types::LeasesImported>()
        .leaves(Says("Took over leases of another DHCP server")),
    Route::get("/dhcp", Viewer, "What is done on each network, and why").gives::<types::Dhcp>(),
    Route::get("/dhcp/export", Viewer, "Configuration for another DHCP server, so that it points phones here")
        .asks(EXPORT)
        .gives::<types::DhcpExport>(),
    Route::get("/dhcp/{network}/explain", Viewer, "What a client would be told")
        .asks(&[text("client", "Its MAC address, or the class that it names")])
        .gives::<types::Explanation>(),
    Route::post("/dhcp/{network}/ask", Operator, "Ask the other servers what they tell each brand")
        .gives::<types::Asked>()
        .leaves(Says("Had other DHCP servers asked what they tell phones")),
    Route::post("/dhcp/{network}/take-over", Administrator, "Stand in for a server that is gone")
        .gives::<types::Dhcp>()
        .leaves(Says("Had the box stand in for a DHCP server that is gone")),
    Route::get("/sightings", Viewer, "Who is there, and which phones are not").asks(PAGE).gives::<types::Sightings>(),
    Route::get("/sip", Viewer, "What came over SIP and was dropped, by why").gives::<types::SipStatus>(),
    Route::get("/campaigns", Viewer, "Phones told many at a time").gives::<types::Campaigns>(),
    Route::post("/campaigns", Administrator, "Have many phones told")
        .takes::<CampaignDraft>()
        .answers::<CampaignView>(201)
        .leaves(Says("Began to have phones told")),
    Route::delete("/campaigns/{id}", Administrator, "Have no more phones told")
        .gives::<CampaignView>()
        .leaves(Says("Had no more phones told")),
];

const EVENTS: &[Parameter] = &[
    text("mac", "Only those about this phone"),
    text("kind", "Only those whose code begins so: `dhcp`, `http`, `admin` …"),
    one_of("outcome", &OUTCOMES, "Only those that went so"),
    LIMIT,
    number("after", "Only what stands behind this place in the journal"),
    number("before", "Only what stands before this place in the journal: what the answer before has in `next`"),
];
const EXPORT: &[Parameter] = &[
    one_of(
        "for",
        &["dnsmasq", "kea", "isc", "windows", "mikrotik", "fortigate", "unifi", "opnsense"],
        "The server; must be given",
    ),
    text("network", "The network; may be left out where there is one only, or with an address"),
    text("address", "Where phones find this box; its address in that network when left out"),
    number("voice_vlan", "The VLAN that phones are to be sent into"),
];
const FORM: &[Parameter] = &[
    text("network", "The network; may be left out where there is one only"),
    one_of("form", &["dnsmasq", "kea"], "How they are written; as dnsmasq does when left out"),
];
