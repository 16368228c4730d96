-- Goods that reached a door without an order get one that is delivered in full at once, on its payer's draft: so
-- delivered never exceeds ordered, and nothing is handed over that is not billed. p_items: product_id, quantity,
-- unit_price and price_source of each, judged before. The caller holds the customer's row, and its
-- payer's, FOR NO KEY UPDATE.
CREATE FUNCTION write_door_order(
    p_customer uuid, p_door_of uuid, p_items jsonb, p_day date, p_shift text, p_address jsonb, p_notes text, p_boy uuid,
    p_area uuid, p_moment timestamptz, p_told jsonb, p_confirmed_by uuid, p_confirmed_by_name text, p_method text,
    p_shared_link_id uuid, p_ip inet, p_device text, p_at timestamptz
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
    payer uuid := payer_for(p_customer, p_day);
BEGIN
    PERFORM open_drafts(ARRAY[payer], ARRAY[p_day]);
    INSERT INTO orders (customer_id, delivery_date, shift, status, delivery_boy_id, area_id, placed_by, source, address,
        notes, placed_at_door_of, delivered_on, delivered_at, delivery_confirmed, invoice_id)
    VALUES (p_customer, p_day, p_shift, 'DELIVERED', p_boy, p_area, p_confirmed_by, 'door', p_address, p_notes,
        p_door_of, p_day, p_moment, true, draft_for(payer, p_day))
    RETURNING id INTO made;
    INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity)
    SELECT made, e.n, (e.x ->> 'product_id')::uuid, (e.x ->> 'quantity')::numeric, (e.x ->> 'unit_price')::numeric,
        e.x ->> 'price_source', (e.x ->> 'quantity')::numeric
    FROM jsonb_array_elements(p_items) WITH ORDINALITY AS e (x, n);
    INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, delivery_boy_id,
        confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method, shared_link_id, ip_address,
        device_info, client_event_id, device_time, latitude, longitude)
    VALUES (made, p_customer, p_day, 'delivered', p_moment, p_boy, p_confirmed_by, p_confirmed_by_name, p_at, p_method,
        p_shared_link_id, p_ip, p_device, (p_told ->> 'client_event_id')::uuid,
        (p_told ->> 'device_time')::timestamptz, (p_told ->> 'latitude')::numeric, (p_told ->> 'longitude')::numeric);
    RETURN made;
END $$;
