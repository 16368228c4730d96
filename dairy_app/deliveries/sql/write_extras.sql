-- The order of what else was handed over when an order was confirmed: of its customer, address, shift and round. Orders
-- of standing ones have no address of their own.
CREATE FUNCTION write_extras(
    p_order uuid, p_priced jsonb, p_day date, p_told jsonb, p_confirmed_by uuid, p_confirmed_by_name text,
    p_method text, p_shared_link_id uuid, p_ip inet, p_device text, p_at timestamptz
) RETURNS uuid LANGUAGE sql
RETURN (SELECT write_door_order(o.customer_id, o.id, p_priced, p_day, o.shift,
        coalesce(o.address, jsonb_build_object('address_line1', c.address_line1, 'address_line2', c.address_line2,
            'city', c.city, 'state_code', c.state_code, 'pincode', c.pincode, 'map_link', c.map_link,
            'area', (SELECT a.name FROM areas a WHERE a.id = coalesce(o.area_id, c.area_id)))), NULL,
        coalesce(o.delivery_boy_id, c.delivery_boy_id), coalesce(o.area_id, c.area_id),
        coalesce((p_told ->> 'delivered_at')::timestamptz, p_at), p_told - 'client_event_id', p_confirmed_by,
        p_confirmed_by_name, p_method, p_shared_link_id, p_ip, p_device, p_at)
    FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = p_order);
