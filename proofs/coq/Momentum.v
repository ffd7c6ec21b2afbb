(** Theorem 2 of proofs/stepwise.md, steps with momentum, in any real inner product space and
    without eigenvectors:

        ||dG||_2 <= max(||M(h1)||_2, ||M(h2)||_2)   in the coordinates u = w - kappa v, q = s v,

    where h1 <= H <= h2, M(h) is the 2x2 matrix of the step along a direction of curvature h, and
    ||[x, y; z, t]||_2 = ((x + t)^2 + (y - z)^2)^(1/2) / 2 + ((x - t)^2 + (y + z)^2)^(1/2) / 2.

    M(H) lies on the segment from M(h1) to M(h2): with L = H - h1 and delta = h2 - h1,

        delta^2 |M(H) z|^2 = delta <(delta - L) M(h1) z, M(h1) z> + delta <L M(h2) z, M(h2) z>
                             - delta^2 <L M' z, (delta - L) M' z>,

    and the last form is not negative. Also the factor of a change of coordinates, the reach of the
    weights and the norm of a defect.

    Relied on by `step_lipschitz`, `change_norm`, `reach_of_weights`, `norm_in` and `Tube`
    (src/shadow/step_coordinates.cpp). *)

From Coq Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import MeanValue Tube InnerProduct NormSplit.
Local Open Scope R_scope.

(** ||[x, y; z, t]||_2. *)
Definition spectral_norm (x y z t : R) : R :=
  (sqrt ((x + t) * (x + t) + (y - z) * (y - z)) +
   sqrt ((x - t) * (x - t) + (y + z) * (y + z))) / 2.

Lemma spectral_norm_nonneg x y z t : 0 <= spectral_norm x y z t.
Proof.
  unfold spectral_norm.
  pose proof (sqrt_pos ((x + t) * (x + t) + (y - z) * (y - z))).
  pose proof (sqrt_pos ((x - t) * (x - t) + (y + z) * (y + z))). lra.
Qed.

(** c^2 - M^T M is positive semidefinite for c >= ||M||_2. *)
Lemma spectral_norm_minors x y z t c :
  spectral_norm x y z t <= c ->
  let p := c * c - (x * x + z * z) in
  let r := c * c - (y * y + t * t) in
  0 <= p /\ 0 <= r /\ (x * y + z * t) * (x * y + z * t) <= p * r.
Proof.
  intros Hc p r. unfold spectral_norm in Hc.
  set (s2 := (x + t) * (x + t) + (y - z) * (y - z)) in Hc.
  set (o2 := (x - t) * (x - t) + (y + z) * (y + z)) in Hc.
  assert (HS : 0 <= s2) by (apply Rplus_le_le_0_compat; apply Rle_0_sqr).
  assert (HO : 0 <= o2) by (apply Rplus_le_le_0_compat; apply Rle_0_sqr).
  pose proof (sqrt_sqrt s2 HS) as ES. pose proof (sqrt_sqrt o2 HO) as EO.
  pose proof (sqrt_pos s2) as PS. pose proof (sqrt_pos o2) as PO.
  set (s := sqrt s2) in *. set (o := sqrt o2) in *.
  set (a := x * x + z * z) in *. set (e := y * y + t * t) in *. set (g := x * y + z * t) in *.
  (* the greater root of m^2 - (a + e) m + (a e - g^2) *)
  set (m := (s + o) * (s + o) / 4).
  assert (Hmc : m <= c * c) by (unfold m; nra).
  assert (Hae : s2 + o2 = 2 * (a + e)) by (unfold s2, o2, a, e; ring).
  assert (HSO : s2 * o2 = (a - e) * (a - e) + 4 * (g * g)) by (unfold s2, o2, a, e, g; ring).
  assert (Hm : m = (a + e) / 2 + s * o / 2).
  { unfold m. replace ((s + o) * (s + o)) with (s * s + o * o + 2 * (s * o)) by ring.
    rewrite ES, EO. lra. }
  assert (Hso : (s * o) * (s * o) = (a - e) * (a - e) + 4 * (g * g)).
  { replace ((s * o) * (s * o)) with ((s * s) * (o * o)) by ring. rewrite ES, EO. exact HSO. }
  assert (Hsop : 0 <= s * o) by nra.
  assert (Ha : 0 <= m - a).
  { assert (a - e <= s * o) by (apply Rnot_lt_le; intros Hl; nra). lra. }
  assert (He : 0 <= m - e).
  { assert (e - a <= s * o) by (apply Rnot_lt_le; intros Hl; nra). lra. }
  assert (Hdet : (m - a) * (m - e) = g * g).
  { rewrite Hm. replace (((a + e) / 2 + s * o / 2 - a) * ((a + e) / 2 + s * o / 2 - e))
      with (((s * o) * (s * o) - (a - e) * (a - e)) / 4) by field. rewrite Hso. field. }
  unfold p, r. split; [lra|]. split; [lra|]. rewrite <- Hdet.
  apply Rmult_le_compat; lra.
Qed.

Section Matrix.
Context {E : ModuleSpace R_Ring} (g : E -> E -> R) (Hg : positive_form g).

Definition row (x y : R) (u q : E) : E := plus (scal x u) (scal y q).

Lemma row_form x y x' y' u q :
  g (row x y u q) (row x' y' u q) =
  x * x' * g u u + (x * y' + y * x') * g u q + y * y' * g q q.
Proof.
  unfold row. rewrite (form_plus _ Hg), !(form_plus_r _ Hg), !(form_scal _ Hg), !(form_scal_r _ Hg).
  rewrite (form_sym _ Hg q u). ring.
Qed.

(** A 2x2 matrix acts on pairs of vectors with its spectral norm, in every positive form. *)
Theorem matrix_norm (x y z t c : R) (u q : E) :
  spectral_norm x y z t <= c ->
  g (row x y u q) (row x y u q) + g (row z t u q) (row z t u q) <= c * c * (g u u + g q q).
Proof.
  intros Hc. destruct (spectral_norm_minors _ _ _ _ _ Hc) as [Hp [Hr Hpr]].
  rewrite !row_form.
  pose proof (cauchy_schwarz g Hg u q) as HCS.
  pose proof (form_nonneg _ Hg u) as Hu. pose proof (form_nonneg _ Hg q) as Hq.
  set (U := g u u) in *. set (Q := g q q) in *. set (W := g u q) in *.
  set (p := c * c - (x * x + z * z)) in *. set (r := c * c - (y * y + t * t)) in *.
  set (k := x * y + z * t) in *.
  enough (0 <= p * U - 2 * (k * W) + r * Q) by (unfold p, r, k in *; lra).
  apply Rnot_lt_le. intros Hneg.
  assert (Hsum : 0 <= p * U + r * Q) by nra.
  assert (Hsq : (2 * (k * W)) * (2 * (k * W)) <= (p * U + r * Q) * (p * U + r * Q)).
  { assert ((k * W) * (k * W) <= (p * r) * (U * Q)).
    { replace ((k * W) * (k * W)) with ((k * k) * (W * W)) by ring.
      apply Rmult_le_compat; nra. }
    pose proof (Rle_0_sqr (p * U - r * Q)) as Hs. unfold Rsqr in Hs. nra. }
  nra.
Qed.
End Matrix.

Section Curvature.
Context {E : ModuleSpace R_Ring} (b : E -> E -> R) (Hb : positive_form b).
Variables (H : E -> E) (h1 h2 : R).
Hypothesis Hrange : operator_between b H h1 h2.

(** <(H - h1) x, y> and <(h2 - H) x, y>. *)
Definition above x y := b (H x) y - h1 * b x y.
Definition below x y := h2 * b x y - b (H x) y.

Lemma above_positive : positive_form above.
Proof.
  destruct Hrange as [HL HS HR]. split; unfold above.
  - intros x y. rewrite (HS x y), (form_sym _ Hb x (H y)), (form_sym _ Hb x y). reflexivity.
  - intros x y z. rewrite (linear_plus _ HL), !(form_plus _ Hb). ring.
  - intros k x y. rewrite (linear_scal _ HL), !(form_scal _ Hb). ring.
  - intros x. rewrite (form_sym _ Hb). specialize (HR x). lra.
Qed.

Lemma below_positive : positive_form below.
Proof.
  destruct Hrange as [HL HS HR]. split; unfold below.
  - intros x y. rewrite (HS x y), (form_sym _ Hb x (H y)), (form_sym _ Hb x y). reflexivity.
  - intros x y z. rewrite (linear_plus _ HL), !(form_plus _ Hb). ring.
  - intros k x y. rewrite (linear_scal _ HL), !(form_scal _ Hb). ring.
  - intros x. rewrite (form_sym _ Hb (H x)). specialize (HR x). lra.
Qed.

(** <L y, (delta - L) y> >= 0 for 0 <= L <= delta: with N = |L y|^2, Cauchy and Schwarz in the form
    of L give N^2 <= <L y, y> <L L y, L y> <= <L y, y> delta N. *)
Lemma between_product y :
  0 <= (h2 - h1) * above y y - (b (H y) (H y) - 2 * h1 * b y (H y) + h1 * h1 * b y y).
Proof.
  pose proof above_positive as Ha. pose proof below_positive as Hl.
  set (Ly := minus (H y) (scal h1 y)).
  assert (HN : above y Ly = b (H y) (H y) - 2 * h1 * b y (H y) + h1 * h1 * b y y).
  { unfold above, Ly. rewrite !(form_minus_r b Hb), !(form_scal_r b Hb), (form_sym _ Hb (H y) y).
    ring. }
  assert (HNb : b Ly Ly = above y Ly).
  { rewrite HN. unfold Ly.
    rewrite (form_minus b Hb), !(form_minus_r b Hb), !(form_scal_r b Hb), !(form_scal _ Hb),
      (form_sym _ Hb (H y) y). ring. }
  rewrite <- HN.
  pose proof (cauchy_schwarz above Ha y Ly) as HCS.
  pose proof (form_nonneg _ Ha y) as Hy. pose proof (form_nonneg _ Ha Ly) as HLy.
  pose proof (form_nonneg _ Hl Ly) as Hbelow.
  pose proof (form_nonneg _ Hb Ly) as HLb.
  assert (Hsum : above Ly Ly + below Ly Ly = (h2 - h1) * b Ly Ly) by (unfold above, below; ring).
  rewrite HNb in *. set (N := above y Ly) in *.
  assert (Hle : above Ly Ly <= (h2 - h1) * N) by lra.
  assert (HNN : N * N <= above y y * ((h2 - h1) * N)).
  { eapply Rle_trans; [exact HCS|]. now apply Rmult_le_compat_l. }
  destruct (Req_dec N 0) as [H0|Hne].
  - rewrite H0 in *. assert (0 <= h2 - h1 \/ h2 - h1 < 0) as [Hd|Hd] by lra; [nra|].
    (* h1 > h2: every form is zero *)
    pose proof (form_nonneg _ Hb y). pose proof (form_nonneg _ Hl y).
    assert (above y y + below y y = (h2 - h1) * b y y) by (unfold above, below; ring).
    assert ((h2 - h1) * b y y <= 0) by nra.
    assert (Hz : above y y = 0) by lra. rewrite Hz. lra.
  - apply Rmult_le_reg_r with N; [lra|]. lra.
Qed.

(** Row by row, x(h) = x0 + x1 h: the entries of M are affine in h. *)
Definition affine_row (x0 x1 y0 y1 : R) (u q : E) : E :=
  plus (row x0 y0 u q) (row x1 y1 (H u) (H q)).

Lemma affine_row_square (x0 x1 y0 y1 : R) (u q : E) :
  h1 < h2 ->
  let M1 := row (x0 + x1 * h1) (y0 + y1 * h1) u q in
  let M2 := row (x0 + x1 * h2) (y0 + y1 * h2) u q in
  (h2 - h1) * b (affine_row x0 x1 y0 y1 u q) (affine_row x0 x1 y0 y1 u q) <=
  below M1 M1 + above M2 M2.
Proof.
  intros Hd M1 M2.
  pose proof (between_product (row x1 y1 u q)) as HK. revert HK.
  destruct Hrange as [HL HS HR].
  assert (Huq : b (H u) q = b (H q) u) by (rewrite (HS u q); apply (form_sym _ Hb)).
  unfold M1, M2, affine_row, below, above, row.
  rewrite !(linear_plus _ HL), !(linear_scal _ HL).
  repeat (rewrite (form_plus _ Hb) || rewrite (form_plus_r b Hb) ||
          rewrite (form_scal _ Hb) || rewrite (form_scal_r b Hb)).
  rewrite (form_sym _ Hb q u), (form_sym _ Hb u (H u)), (form_sym _ Hb u (H q)),
    (form_sym _ Hb q (H u)), (form_sym _ Hb q (H q)), (form_sym _ Hb (H q) (H u)), !Huq.
  set (uu := b u u). set (uq := b u q). set (qq := b q q).
  set (Huu := b (H u) u). set (Hqu := b (H q) u). set (Hqq := b (H q) q).
  set (HHuu := b (H u) (H u)). set (HHuq := b (H u) (H q)). set (HHqq := b (H q) (H q)).
  intros HK. apply Rmult_le_compat_l with (r := h2 - h1) in HK; [|lra]. lra.
Qed.

Theorem affine_matrix_norm (x0 x1 y0 y1 z0 z1 t0 t1 c : R) (u q : E) :
  h1 <= h2 ->
  spectral_norm (x0 + x1 * h1) (y0 + y1 * h1) (z0 + z1 * h1) (t0 + t1 * h1) <= c ->
  spectral_norm (x0 + x1 * h2) (y0 + y1 * h2) (z0 + z1 * h2) (t0 + t1 * h2) <= c ->
  let top := affine_row x0 x1 y0 y1 u q in
  let bottom := affine_row z0 z1 t0 t1 u q in
  b top top + b bottom bottom <= c * c * (b u u + b q q).
Proof.
  intros Hle Hc1 Hc2 top bottom.
  destruct (Rle_lt_or_eq_dec _ _ Hle) as [Hlt|Heq].
  - pose proof (affine_row_square x0 x1 y0 y1 u q Hlt) as Ht.
    pose proof (affine_row_square z0 z1 t0 t1 u q Hlt) as Hbt. cbv zeta in Ht, Hbt.
    pose proof (matrix_norm below below_positive _ _ _ _ _ u q Hc1) as HM1.
    pose proof (matrix_norm above above_positive _ _ _ _ _ u q Hc2) as HM2.
    fold top in Ht. fold bottom in Hbt.
    assert (Hu : above u u + below u u = (h2 - h1) * b u u) by (unfold above, below; ring).
    assert (Hq : above q q + below q q = (h2 - h1) * b q q) by (unfold above, below; ring).
    apply Rmult_le_reg_l with (h2 - h1); [lra|].
    replace ((h2 - h1) * (c * c * (b u u + b q q)))
      with (c * c * ((h2 - h1) * b u u + (h2 - h1) * b q q)) by ring.
    rewrite <- Hu, <- Hq. lra.
  - (* H = h1, as far as the form can see *)
    assert (Hh : forall x y, b (H x) y = h1 * b x y).
    { intros x y. pose proof (cauchy_schwarz above above_positive x y) as HCS.
      assert (H0 : above x x = 0).
      { pose proof (form_nonneg _ above_positive x). pose proof (form_nonneg _ below_positive x).
        unfold above, below in *. rewrite <- Heq in *. lra. }
      rewrite H0 in HCS. assert (above x y = 0) by nra. unfold above in *. lra. }
    assert (Hrow : forall a0 a1 e0 e1,
      b (affine_row a0 a1 e0 e1 u q) (affine_row a0 a1 e0 e1 u q) =
      b (row (a0 + a1 * h1) (e0 + e1 * h1) u q) (row (a0 + a1 * h1) (e0 + e1 * h1) u q)).
    { intros. unfold affine_row, row.
      repeat (rewrite (form_plus _ Hb) || rewrite (form_plus_r b Hb) ||
              rewrite (form_scal _ Hb) || rewrite (form_scal_r b Hb)).
      rewrite !(form_sym _ Hb _ (H _)), !Hh, !(form_sym _ Hb _ (H _)), !Hh, (form_sym _ Hb q u).
      ring. }
    unfold top, bottom. rewrite !Hrow. apply (matrix_norm b Hb). exact Hc1.
Qed.
End Curvature.

(** ||M(h)||_2 of a step with rate eta, momentum mu and w' = w - eta (a v + c h(w)), where (a, c) is
    (mu, 1), or (mu^2, 1 + mu) for Nesterov's. *)
Definition momentum_factor (eta mu a c kappa s h : R) : R :=
  let alpha := eta * c + kappa in
  spectral_norm (1 - alpha * h) ((kappa * (1 - alpha * h) - eta * a - kappa * mu) / s)
                (s * h) (kappa * h + mu).

(** ||T' T^-1||_2. *)
Definition change_factor (kappa s kappa' s' : R) : R :=
  spectral_norm 1 ((kappa - kappa') / s) 0 (s' / s).

Section Coordinates.
Context {E : ModuleSpace R_Ring} (b : E -> E -> R) (Hb : positive_form b).

Local Notation State := (prod_ModuleSpace R_Ring E E).

(** |u|^2 + |q|^2 for u = w - kappa v, q = s v, as a form of the state (w, v). *)
Definition state_form (kappa s : R) (z z' : State) : R :=
  b (minus (fst z) (scal kappa (snd z))) (minus (fst z') (scal kappa (snd z'))) +
  s * s * b (snd z) (snd z').

Definition state_norm (kappa s : R) : State -> R := length (state_form kappa s).

Ltac expand :=
  repeat (rewrite (form_minus b Hb) || rewrite (form_minus_r b Hb) || rewrite (form_plus _ Hb) ||
          rewrite (form_plus_r b Hb) || rewrite (form_scal _ Hb) || rewrite (form_scal_r b Hb)).

Lemma state_form_positive kappa s : positive_form (state_form kappa s).
Proof.
  split; unfold state_form.
  - intros x y. rewrite (form_sym _ Hb (minus _ _)), (form_sym _ Hb (snd x)). reflexivity.
  - intros [w v] [w' v'] [w'' v''].
    change (plus (w, v) (w', v')) with ((plus w w', plus v v') : State).
    cbn [fst snd]. expand. ring.
  - intros k [w v] [w' v'].
    change (scal k (w, v)) with ((scal k w, scal k v) : State).
    cbn [fst snd]. expand. ring.
  - intros x. pose proof (form_nonneg _ Hb (minus (fst x) (scal kappa (snd x)))).
    pose proof (form_nonneg _ Hb (snd x)). nra.
Qed.

Lemma state_norm_is_seminorm kappa s : seminorm (state_norm kappa s).
Proof. apply length_is_seminorm, state_form_positive. Qed.

Definition momentum_derivative (eta mu a c : R) (H : E -> E) (z : State) : State :=
  (minus (fst z) (scal eta (plus (scal a (snd z)) (scal c (H (fst z))))),
   plus (scal mu (snd z)) (H (fst z))).

Theorem momentum_step_norm (H : E -> E) (h1 h2 eta mu a c kappa s factor : R) :
  operator_between b H h1 h2 -> h1 <= h2 -> 0 < s ->
  momentum_factor eta mu a c kappa s h1 <= factor ->
  momentum_factor eta mu a c kappa s h2 <= factor ->
  forall z, state_norm kappa s (momentum_derivative eta mu a c H z) <=
    factor * state_norm kappa s z.
Proof.
  intros HH Hh Hs Hf1 Hf2 [w v].
  assert (Hf : 0 <= factor) by (eapply Rle_trans; [apply spectral_norm_nonneg | exact Hf1]).
  assert (Hz : 0 <= state_norm kappa s (w, v)) by apply length_nonneg.
  set (alpha := eta * c + kappa).
  pose proof (affine_matrix_norm b Hb H h1 h2 HH 1 (- alpha)
    ((kappa - eta * a - kappa * mu) / s) (- (kappa * alpha) / s) 0 s mu kappa factor
    (minus w (scal kappa v)) (scal s v) Hh) as HM.
  cbv zeta in HM.
  assert (Hfactor : forall h, momentum_factor eta mu a c kappa s h =
    spectral_norm (1 + - alpha * h) ((kappa - eta * a - kappa * mu) / s + - (kappa * alpha) / s * h)
                  (0 + s * h) (mu + kappa * h)).
  { intros h. unfold momentum_factor. fold alpha. cbv zeta. f_equal; field; lra. }
  rewrite Hfactor in Hf1, Hf2. specialize (HM Hf1 Hf2).
  apply length_le; [now apply Rmult_le_pos|].
  pose proof (length_square _ (state_form_positive kappa s) (w, v)) as Hsq.
  fold (state_norm kappa s) in Hsq.
  replace (factor * state_norm kappa s (w, v) * (factor * state_norm kappa s (w, v)))
    with (factor * factor * (state_norm kappa s (w, v) * state_norm kappa s (w, v))) by ring.
  rewrite Hsq. destruct HH as [HL HS HR].
  match type of HM with ?lhs <= ?rhs => apply Rle_trans with lhs end.
  - right. unfold state_form.
    assert (HLm : H (minus w (scal kappa v)) = minus (H w) (scal kappa (H v))).
    { unfold minus. rewrite (linear_plus _ HL), <- scal_opp_l, (linear_scal _ HL), scal_opp_l.
      reflexivity. }
    set (top := affine_row H 1 _ _ _ _ _). set (bottom := affine_row H 0 _ _ _ _ _).
    set (z := momentum_derivative eta mu a c H (w, v)).
    set (du := minus (fst z) (scal kappa (snd z))).
    assert (Htop : forall y, b du y = b top y).
    { intros y. unfold du, z, momentum_derivative, top, affine_row, row; simpl fst; simpl snd.
      rewrite HLm, !(linear_scal _ HL). expand. unfold alpha. field. lra. }
    assert (Hbottom : forall y, s * b (snd z) y = b bottom y).
    { intros y. unfold z, momentum_derivative, bottom, affine_row, row; simpl fst; simpl snd.
      rewrite HLm, !(linear_scal _ HL). expand. ring. }
    rewrite Htop, (form_sym _ Hb top), Htop. f_equal.
    rewrite <- (Hbottom bottom), (form_sym _ Hb (snd z) bottom), <- Hbottom. ring.
  - eapply Rle_trans; [exact HM|]. right. unfold state_form; simpl fst; simpl snd.
    rewrite (form_scal _ Hb), (form_scal_r b Hb). ring.
Qed.

(** The factor of a change of coordinates. *)
Theorem change_of_coordinates (kappa s kappa' s' : R) :
  0 < s ->
  forall z, state_norm kappa' s' z <= change_factor kappa s kappa' s' * state_norm kappa s z.
Proof.
  intros Hs [w v].
  assert (Hf : 0 <= change_factor kappa s kappa' s') by apply spectral_norm_nonneg.
  assert (Hz : 0 <= state_norm kappa s (w, v)) by apply length_nonneg.
  apply length_le; [now apply Rmult_le_pos|].
  pose proof (length_square _ (state_form_positive kappa s) (w, v)) as Hsq.
  fold (state_norm kappa s) in Hsq.
  pose proof (matrix_norm b Hb _ _ _ _ _ (minus w (scal kappa v)) (scal s v)
    (Rle_refl (change_factor kappa s kappa' s'))) as HM.
  set (f := change_factor kappa s kappa' s') in *.
  replace (f * state_norm kappa s (w, v) * (f * state_norm kappa s (w, v)))
    with (f * f * (state_norm kappa s (w, v) * state_norm kappa s (w, v))) by ring.
  rewrite Hsq.
  match type of HM with ?lhs <= ?rhs => apply Rle_trans with lhs end.
  - right. unfold state_form, row; simpl fst; simpl snd. expand.
    rewrite (form_sym _ Hb v w). field. lra.
  - eapply Rle_trans; [exact HM|]. right. unfold state_form; simpl fst; simpl snd.
    rewrite (form_scal _ Hb), (form_scal_r b Hb). ring.
Qed.

(** How far weights are from the point: |w| <= (1 + kappa^2 / s^2)^(1/2) ||(u, q)||. *)
Theorem reach_of_weights (kappa s : R) :
  0 < s ->
  forall z : State, length b (fst z) <= sqrt (1 + kappa / s * (kappa / s)) * state_norm kappa s z.
Proof.
  intros Hs [w v]. simpl fst.
  set (f := sqrt (1 + kappa / s * (kappa / s))).
  assert (Hf : 0 <= f) by apply sqrt_pos.
  assert (Hz : 0 <= state_norm kappa s (w, v)) by apply length_nonneg.
  assert (Hnorm : spectral_norm 1 (kappa / s) 0 0 <= f).
  { unfold spectral_norm, f. right.
    replace ((1 + 0) * (1 + 0) + (kappa / s - 0) * (kappa / s - 0))
      with (1 + kappa / s * (kappa / s)) by ring.
    replace ((1 - 0) * (1 - 0) + (kappa / s + 0) * (kappa / s + 0))
      with (1 + kappa / s * (kappa / s)) by ring.
    lra. }
  apply length_le; [now apply Rmult_le_pos|].
  pose proof (length_square _ (state_form_positive kappa s) (w, v)) as Hsq.
  fold (state_norm kappa s) in Hsq.
  pose proof (matrix_norm b Hb _ _ _ _ _ (minus w (scal kappa v)) (scal s v) Hnorm) as HM.
  replace (f * state_norm kappa s (w, v) * (f * state_norm kappa s (w, v)))
    with (f * f * (state_norm kappa s (w, v) * state_norm kappa s (w, v))) by ring.
  rewrite Hsq.
  match type of HM with ?lhs <= ?rhs => apply Rle_trans with lhs end.
  - right. unfold row. expand. rewrite (form_sym _ Hb v w). field. lra.
  - eapply Rle_trans; [exact HM|]. right. unfold state_form; simpl fst; simpl snd.
    rewrite (form_scal _ Hb), (form_scal_r b Hb). ring.
Qed.

(** The norm of a defect from bounds on its parts. *)
Theorem defect_in_coordinates (kappa s rw rv : R) :
  0 <= kappa -> 0 < s -> forall z : State, length b (fst z) <= rw -> length b (snd z) <= rv ->
  state_norm kappa s z <=
  sqrt ((rw + kappa * rv) * (rw + kappa * rv) + s * rv * (s * rv)).
Proof.
  intros Hk Hs [w v] Hw Hv. simpl fst in Hw. simpl snd in Hv.
  unfold state_norm, length at 1. apply sqrt_le_1_alt.
  unfold state_form; simpl fst; simpl snd. expand. rewrite (form_sym _ Hb v w).
  pose proof (length_nonneg b w) as Pw. pose proof (length_nonneg b v) as Pv.
  pose proof (form_le_lengths b Hb (opp w) v) as Hc.
  rewrite (form_opp b Hb), (seminorm_opp _ (length_is_seminorm b Hb)) in Hc.
  rewrite <- (length_square b Hb w), <- (length_square b Hb v).
  set (x := length b w) in *. set (y := length b v) in *. set (g := b w v) in *.
  apply Rle_trans with ((x + kappa * y) * (x + kappa * y) + s * y * (s * y)).
  - assert (kappa * - g <= kappa * (x * y)) by (now apply Rmult_le_compat_l). nra.
  - apply Rplus_le_compat.
    + apply Rmult_le_compat; nra.
    + apply Rmult_le_compat; nra.
Qed.

(** Training with momentum, or Nesterov's: coordinates and coefficients may change in every step. *)
Theorem momentum_tube (G : nat -> State -> State) (exact point : nat -> State)
    (eta mu a c kappa s h1 h2 d rho : nat -> R) (H : nat -> E -> E -> E) (T : nat) :
  let factor t :=
    Rmax (momentum_factor (eta t) (mu t) (a t) (c t) (kappa (S t)) (s (S t)) (h1 t))
         (momentum_factor (eta t) (mu t) (a t) (c t) (kappa (S t)) (s (S t)) (h2 t)) in
  let change t := change_factor (kappa t) (s t) (kappa (S t)) (s (S t)) in
  let inside t (z : State) := length b (minus (fst z) (fst (point t))) <=
                              sqrt (1 + kappa t / s t * (kappa t / s t)) * rho t in
  exact O = point O -> (forall t, exact (S t) = G t (exact t)) -> 0 <= rho O ->
  (forall t, 0 < s t) ->
  (forall t, (t < T)%nat ->
     differentiable_on (state_norm (kappa (S t)) (s (S t))) (inside t) (G t)
       (fun z => momentum_derivative (eta t) (mu t) (a t) (c t) (H t (fst z)))) ->
  (forall t, (t < T)%nat -> h1 t <= h2 t) ->
  (forall t z, (t < T)%nat -> inside t z -> operator_between b (H t (fst z)) (h1 t) (h2 t)) ->
  (forall t, (t < T)%nat ->
     state_norm (kappa (S t)) (s (S t)) (minus (G t (point t)) (point (S t))) <= d t) ->
  (forall t, (t < T)%nat -> factor t * change t * rho t + d t <= rho (S t)) ->
  forall t, (t <= T)%nat -> state_norm (kappa t) (s t) (minus (exact t) (point t)) <= rho t.
Proof.
  intros factor change inside Hstart Hrun H0 Hs HG Hh HH Hd Hrho.
  assert (Hfst : forall z z' : State, fst (minus z z') = minus (fst z) (fst z')) by reflexivity.
  apply (tube_of_derivatives G exact point Hrun (fun t => state_norm (kappa t) (s t)) change factor
           d rho T inside
           (fun t z => momentum_derivative (eta t) (mu t) (a t) (c t) (H t (fst z)))); try easy.
  - intros t. apply state_norm_is_seminorm.
  - rewrite Hstart, minus_eq_zero, (seminorm_zero _ (state_norm_is_seminorm _ _)). exact H0.
  - intros t _. split; [apply spectral_norm_nonneg|].
    eapply Rle_trans; [apply spectral_norm_nonneg | apply Rmax_l].
  - intros t x _. now apply change_of_coordinates.
  - intros t _ x y r Hx Hy Hr.
    exact (ball_convex _ (length_is_seminorm b Hb) (fst (point t)) _ (fst x) (fst y) r Hx Hy Hr).
  - intros t x _ Hx. unfold inside. rewrite <- Hfst.
    eapply Rle_trans; [now apply (reach_of_weights (kappa t) (s t))|].
    apply Rmult_le_compat_l; [apply sqrt_pos | exact Hx].
  - intros t x h Ht Hx.
    apply (momentum_step_norm (H t (fst x)) (h1 t) (h2 t)); auto; [apply Rmax_l | apply Rmax_r].
Qed.

End Coordinates.
