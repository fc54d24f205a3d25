-- Senders that divide users ask for what is due of their own slots of users; see domain/user_slot.hpp. The version before uses
-- deliveries_due, as does a sender that is alone. It may have been made before, beside other work: see docs/cluster.md.
CREATE INDEX IF NOT EXISTS deliveries_due_by_slot ON deliveries (get_byte(uuid_send(user_id), 15), due_at) WHERE due_at IS NOT NULL;
