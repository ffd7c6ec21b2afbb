(** What rounding makes of a softmax in doubles.

    In words: with midpoints m_k, their greatest c and E_k = e^(m_k - c), the terms t_k differ from E_k by
    at most e_k E_k and the computed sum S from the sum of the E_k by less than sum_error S. The logarithm
    of the sum of the E_k lies within the radius of `logarithm` around y + (v - 1), for every y with
    |y| <= 690 that the library may give. The probabilities at the midpoints, and 1 less that of the
    label, lie within the radii of the residuals, with room for what the logits' radii move.

    Relied on by: interval_softmax.cpp. Page: exponential.md. Up to 2^17 classes; the code allows 65536. *)

From Coq Require Import Reals ZArith Lia Lra List Psatz.
From Flocq Require Import Core Relative Plus_error.
From NumGeom Require Rounding Gamma.
From NumGeom Require Import Exponential.
Open Scope R_scope.

(** What underflows. *)
Definition tiny : R := pow2 (-1075).

Lemma tiny_size : 0 < tiny <= u * / 9007199254740992.
Proof.
  split; [apply bpow_gt_0|]. change (u * / 9007199254740992) with (pow2 (-53) * pow2 (-53)).
  rewrite <- bpow_plus. apply bpow_le. lia.
Qed.

Lemma rounding : forall z, Rabs (RN z - z) <= u * Rabs z + tiny.
Proof.
  intros z. destruct (Gamma.nearest_error (fun z => negb (Z.even z)) z) as (d & e & Hd & He & ->).
  change (pow2 (-53)) with u in Hd. change (pow2 (-1075)) with tiny in He.
  replace (z * (1 + d) + e - z) with (d * z + e) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
  apply Rplus_le_compat; [|exact He]. apply Rmult_le_compat_r; [apply Rabs_pos|exact Hd].
Qed.

Lemma factor_error : forall (fused : bool) a b,
  Rabs ((if fused then a * b else RN (a * b)) - a * b) <= u * Rabs (a * b) + tiny.
Proof.
  intros [|] a b; [|apply rounding]. rewrite Rminus_diag_eq, Rabs_R0 by reflexivity.
  pose proof small_unit. pose proof tiny_size.
  assert (0 <= u * Rabs (a * b)) by (apply Rmult_le_pos; [lra|apply Rabs_pos]). lra.
Qed.

Lemma below : forall z, 0 <= z -> (1 - u) * z - tiny <= RN z.
Proof.
  intros z Hz. pose proof (rounding z) as H. rewrite (Rabs_pos_eq z Hz) in H.
  apply Rabs_le_inv in H. lra.
Qed.

Lemma above : forall z, 0 <= z -> RN z <= (1 + u) * z + tiny.
Proof.
  intros z Hz. pose proof (rounding z) as H. rewrite (Rabs_pos_eq z Hz) in H.
  apply Rabs_le_inv in H. lra.
Qed.

(** A product, rounded or kept. *)
Lemma product_below : forall (fused : bool) a b, 0 <= a * b ->
  (1 - u) * (a * b) - tiny <= (if fused then a * b else RN (a * b)).
Proof.
  intros [|] a b H; [|apply below, H].
  pose proof small_unit. pose proof tiny_size.
  assert (0 <= u * (a * b)) by (apply Rmult_le_pos; lra). lra.
Qed.

Lemma RN_nonnegative : forall z, 0 <= z -> 0 <= RN z.
Proof. intros z Hz. apply Rounding.RN_above; [apply generic_format_0|exact Hz]. Qed.

Lemma product_nonnegative : forall (fused : bool) a b, 0 <= a * b ->
  0 <= (if fused then a * b else RN (a * b)).
Proof. intros [|] a b H; [exact H|apply RN_nonnegative, H]. Qed.

(** * The terms *)

Lemma exp_near_zero : forall d, Rabs d <= / 100 -> Rabs (exp d - 1) <= 102 / 100 * Rabs d.
Proof.
  intros d Hd. pose proof (exp_ineq1_le d) as L. pose proof (exp_ineq1_le (- d)) as L'.
  pose proof (exp_pos d) as P.
  assert (E : exp d * exp (- d) = 1).
  { rewrite <- exp_plus. replace (d + - d) with 0 by ring. apply exp_0. }
  assert (U : exp d * (1 - d) <= 1).
  { rewrite <- E. apply Rmult_le_compat_l; lra. }
  pose proof (Rabs_le_inv _ _ Hd) as I.
  assert (B : exp d <= 102 / 100).
  { apply Rmult_le_reg_r with (99 / 100); [lra|].
    apply Rle_trans with (exp d * (1 - d)); [apply Rmult_le_compat_l; lra|lra]. }
  assert (U' : exp d - 1 <= d * exp d) by lra.
  apply Rabs_le. unfold Rabs. destruct (Rcase_abs d) as [N|N].
  - split; [lra|]. assert (d * exp d <= 0) by nra. lra.
  - split; [lra|]. assert (d * exp d <= d * (102 / 100)) by (apply Rmult_le_compat_l; lra). lra.
Qed.

(** [row.errors] *)
Definition term_error (fused : bool) (d : R) : R :=
  RN (pow2 (-49) - (if fused then d * pow2 (-52) else RN (d * pow2 (-52)))).

Theorem term_error_bound : forall f g m c, double m -> double c ->
  let d := RN (m - c) in
  -690 <= d <= 0 ->
  let e := term_error g d in
  Rabs (exp_nearly f d - exp (m - c)) <= e * exp (m - c) /\ 0 <= e <= 2048 * u.
Proof.
  intros f g m c Fm Fc d Hd e.
  pose proof small_unit as Hu. pose proof tiny_size as Ht.
  assert (U49 : pow2 (-49) = 16 * u) by (unfold u; simpl; lra).
  assert (U52 : pow2 (-52) = 2 * u) by (unfold u; simpl; lra).
  set (D := - d). assert (HD : 0 <= D <= 690) by (unfold D; lra).
  assert (Delta : Rabs (d - (m - c)) <= u * D).
  { pose proof (Gamma.sum_result_error (fun z => negb (Z.even z)) m (- c) Fm
                  (generic_format_opp _ _ _ Fc)) as H.
    change (m + - c) with (m - c) in H. fold d in H.
    rewrite (Rabs_left1 d) in H by lra. exact H. }
  set (delta := d - (m - c)) in *.
  assert (UD : 0 <= u * D <= 690 * u) by nra.
  assert (X : Rabs (exp delta - 1) <= 102 / 100 * (u * D)).
  { eapply Rle_trans; [apply exp_near_zero; lra|]. lra. }
  pose proof (exp_pos (m - c)) as P.
  assert (Ed : exp d = exp (m - c) * exp delta).
  { rewrite <- exp_plus. f_equal. unfold delta. ring. }
  pose proof (exp_nearly_units f d ltac:(lra)) as T. rewrite Ed in T.
  assert (B : exp delta <= 101 / 100) by (apply Rabs_le_inv in X; lra).
  assert (Err : Rabs (exp_nearly f d - exp (m - c)) <= (6 * u + 102 / 100 * (u * D)) * exp (m - c)).
  { replace (exp_nearly f d - exp (m - c))
      with ((exp_nearly f d - exp (m - c) * exp delta) + exp (m - c) * (exp delta - 1)) by ring.
    eapply Rle_trans; [apply Rabs_triang|].
    assert (T1 : 5 * u * (exp (m - c) * exp delta) <= 6 * u * exp (m - c)).
    { replace (5 * u * (exp (m - c) * exp delta)) with (u * exp (m - c) * (5 * exp delta)) by ring.
      replace (6 * u * exp (m - c)) with (u * exp (m - c) * 6) by ring.
      apply Rmult_le_compat_l; [apply Rmult_le_pos; lra|lra]. }
    assert (T2 : Rabs (exp (m - c) * (exp delta - 1)) <= exp (m - c) * (102 / 100 * (u * D))).
    { rewrite Rabs_mult, (Rabs_pos_eq (exp (m - c))) by lra. apply Rmult_le_compat_l; lra. }
    lra. }
  set (z := if g then d * pow2 (-52) else RN (d * pow2 (-52))).
  assert (Z : Rabs (z - d * pow2 (-52)) <= u * (2 * (u * D)) + tiny).
  { eapply Rle_trans; [apply factor_error|]. apply Rplus_le_compat_r, Rmult_le_compat_l; [lra|].
    rewrite U52, Rabs_left1; [unfold D; lra|]. assert (0 <= D * u) by (apply Rmult_le_pos; lra).
    unfold D in *. lra. }
  rewrite U52 in Z. apply Rabs_le_inv in Z.
  assert (ZD : d * (2 * u) = - (2 * (u * D))) by (unfold D; ring). rewrite ZD in Z.
  assert (UUD : u * (u * D) <= u * / 1000000) by (apply Rmult_le_compat_l; lra).
  assert (NZ : 0 <= 16 * u - z) by lra.
  assert (Ee : e = RN (16 * u - z)) by (unfold e, term_error; fold z; rewrite U49; reflexivity).
  pose proof (below _ NZ) as Lo. pose proof (above _ NZ) as Hi. rewrite <- Ee in Lo, Hi.
  assert (UZ : u * (16 * u - z) <= u * / 1000000) by (apply Rmult_le_compat_l; lra).
  assert (Low : 6 * u + 102 / 100 * (u * D) <= e) by lra.
  split; [|lra].
  eapply Rle_trans; [exact Err|]. apply Rmult_le_compat_r; lra.
Qed.

(** * The sum *)

Record term : Type := { value : R; error : R; exactly : R }.

Definition good (x : term) : Prop :=
  double (value x) /\ 0 <= value x /\ 0 <= error x <= / 1000000 /\ 0 < exactly x /\
  Rabs (value x - exactly x) <= error x * exactly x.

Fixpoint sum_of (s : R) (l : list term) : R :=
  match l with
  | nil => s
  | (x :: rest)%list => sum_of (RN (s + value x)) rest
  end.

Fixpoint weighted_of (fused : bool) (w : R) (l : list term) : R :=
  match l with
  | nil => w
  | (x :: rest)%list =>
      weighted_of fused (RN (w + (if fused then value x * error x else RN (value x * error x)))) rest
  end.

Definition total (f : term -> R) (l : list term) : R := fold_right (fun x s => f x + s) 0 l.

(** The double nearest to 1.01 *)
Definition kMore : R := RN (101 / 100).
Definition kInflation : R := 1 + pow2 (-40).

Definition sum_error (fused : bool) (l : list term) : R :=
  let s := sum_of 0 l in
  let w := weighted_of fused 0 l in
  RN (RN (RN (RN (w / s) + INR (length l) * u) * kMore) * kInflation).

Lemma kMore_size : 10099 / 10000 <= kMore <= 10101 / 10000.
Proof.
  unfold kMore. pose proof (rounding (101 / 100)) as H. pose proof small_unit. pose proof tiny_size.
  rewrite (Rabs_pos_eq (101 / 100)) in H by lra. apply Rabs_le_inv in H. lra.
Qed.

Lemma total_nonnegative : forall f l, (forall x, In x l -> 0 <= f x) -> 0 <= total f l.
Proof.
  intros f l. unfold total. induction l as [|x l IH]; intros H; simpl; [lra|].
  pose proof (H x (or_introl eq_refl)). pose proof (IH (fun y Hy => H y (or_intror Hy))). lra.
Qed.

Lemma sum_of_error : forall l s, double s -> 0 <= s -> Forall good l ->
  Rabs (sum_of s l - (s + total value l)) <= ((1 + u) ^ length l - 1) * (s + total value l).
Proof.
  pose proof small_unit as Hu.
  induction l as [|x l IH]; intros s Fs Hs H; simpl.
  - unfold total. simpl. rewrite Rplus_0_r, Rminus_diag_eq, Rabs_R0 by reflexivity. lra.
  - inversion H as [|y ys (Fx & Nx & _) Hl Eq]; subst.
    assert (T : 0 <= total value l).
    { apply total_nonnegative. intros y Hy. rewrite Forall_forall in Hl. apply Hl, Hy. }
    destruct (Gamma.sum_error (fun z => negb (Z.even z)) s (value x) Fs Fx) as (d & Hd & _ & E).
    change (pow2 (-53)) with u in Hd.
    specialize (IH (RN (s + value x)) (Rounding.RN_double _) (RN_nonnegative (s + value x) ltac:(lra)) Hl).
    rewrite E in *. set (a := s + value x) in *. change (total value (x :: l)) with (value x + total value l).
    replace (s + (value x + total value l)) with (a + total value l) by (unfold a; ring).
    set (t := total value l) in *. set (p := (1 + u) ^ length l) in *.
    assert (P : 1 <= p) by (apply Gamma.one_below_pow; lra).
    assert (Na : 0 <= a) by (unfold a; lra).
    set (r := sum_of _ l) in *. apply Rabs_le_inv in Hd.
    assert (Da : - (u * a) <= d * a <= u * a) by (split; nra).
    apply Rabs_le_inv in IH. apply Rabs_le.
    assert (G : (p - 1) * (a * (1 + d) + t) <= (p - 1) * (a * (1 + u) + t)).
    { apply Rmult_le_compat_l; lra. }
    assert (0 <= u * t) by (apply Rmult_le_pos; lra).
    assert (0 <= (p - 1) * (u * t)) by (apply Rmult_le_pos; lra).
    split; lra.
Qed.

Lemma weighted_of_below : forall fused l w, 0 <= w -> Forall good l ->
  INR (length l) * u <= / 100000 ->
  0 <= weighted_of fused w l /\
  (1 - 2 * INR (length l) * u) * (w + total (fun x => value x * error x) l)
  - 2 * INR (length l) * tiny <= weighted_of fused w l.
Proof.
  intros fused. pose proof small_unit as Hu. pose proof tiny_size as Ht.
  induction l as [|x l IH]; intros w Hw H Hn.
  - unfold total. simpl. lra.
  - inversion H as [|y ys (_ & Nx & Ex & _) Hl Eq]; subst.
    change (length (x :: l)) with (S (length l)) in *. rewrite S_INR in *.
    set (n := INR (length l)) in *. assert (Nn : 0 <= n) by apply pos_INR.
    change (total (fun x => value x * error x) (x :: l))
      with (value x * error x + total (fun x => value x * error x) l).
    assert (T : 0 <= total (fun x => value x * error x) l).
    { apply total_nonnegative. intros y Hy. rewrite Forall_forall in Hl.
      destruct (Hl y Hy) as (_ & N & E & _). apply Rmult_le_pos; lra. }
    set (t := total _ l) in *. set (a := value x * error x) in *.
    assert (Na : 0 <= a) by (apply Rmult_le_pos; lra).
    pose proof (product_below fused (value x) (error x) Na) as Pb.
    pose proof (product_nonnegative fused (value x) (error x) Na) as Pn. fold a in Pb, Pn.
    cbn [weighted_of]. fold a. set (q := if fused then a else RN a) in *.
    pose proof (below (w + q) ltac:(lra)) as B. pose proof (RN_nonnegative (w + q) ltac:(lra)) as N.
    set (w' := RN (w + q)) in *.
    destruct (IH w' N Hl ltac:(lra)) as (I1 & I2). fold t in I2.
    split; [exact I1|]. eapply Rle_trans; [|exact I2].
    assert (Uw : 0 <= u * w) by (apply Rmult_le_pos; lra).
    assert (Ua : 0 <= u * a) by (apply Rmult_le_pos; lra).
    assert (Uua : 0 <= u * (u * a)) by (apply Rmult_le_pos; lra).
    assert (Ut : 0 <= u * t) by (apply Rmult_le_pos; lra).
    assert (Utiny : 0 <= u * tiny) by (apply Rmult_le_pos; lra).
    assert (W : (1 - 2 * u) * (w + a) - 2 * tiny <= w').
    { eapply Rle_trans; [|exact B].
      apply Rle_trans with ((1 - u) * (w + ((1 - u) * a - tiny)) - tiny); [lra|].
      apply Rplus_le_compat_r, Rmult_le_compat_l; lra. }
    assert (K : 0 <= 1 - 2 * n * u <= 1) by (split; nra).
    assert (G : (1 - 2 * n * u) * ((1 - 2 * u) * (w + a) - 2 * tiny + t) <=
                (1 - 2 * n * u) * (w' + t)) by (apply Rmult_le_compat_l; lra).
    assert (Z1 : 0 <= n * u * (u * (w + a))).
    { apply Rmult_le_pos; [apply Rmult_le_pos|apply Rmult_le_pos]; lra. }
    assert (Z2 : 0 <= n * u * tiny) by (apply Rmult_le_pos; [apply Rmult_le_pos|]; lra).
    lra.
Qed.

(** The terms of a list from the E_k, and the computed sum from the terms. *)
Lemma terms_error : forall l, Forall good l ->
  Rabs (total value l - total exactly l) <= 100001 / 100000 * total (fun x => value x * error x) l.
Proof.
  intros l H. unfold total. induction H as [|x l (_ & Nx & Ex & Px & Dx) _ IH]; simpl in *.
  - rewrite Rminus_0_r, Rabs_R0. lra.
  - match goal with |- Rabs (_ + ?s - (_ + ?s')) <= _ => set (f := s) in *; set (f' := s') in * end.
    replace (value x + f - (exactly x + f')) with ((value x - exactly x) + (f - f')) by ring.
    eapply Rle_trans; [apply Rabs_triang|].
    assert (D : Rabs (value x - exactly x) <= 100001 / 100000 * (value x * error x)).
    { eapply Rle_trans; [exact Dx|]. apply Rabs_le_inv in Dx.
      assert (Q : error x * exactly x <= / 1000000 * exactly x) by (apply Rmult_le_compat_r; lra).
      assert (Q' : exactly x <= 100001 / 100000 * value x) by lra.
      apply Rle_trans with (error x * (100001 / 100000 * value x)); [|lra].
      apply Rmult_le_compat_l; lra. }
    lra.
Qed.

Lemma list_size : forall l : list term, (length l <= 2 ^ 17)%nat ->
  0 <= INR (length l) <= 131072 /\ 0 <= INR (length l) * u <= / 100000.
Proof.
  intros l Hl. pose proof small_unit as Hu.
  assert (Hn : 0 <= INR (length l) <= 131072).
  { split; [apply pos_INR|]. rewrite INR_IZR_INZ. apply IZR_le.
    apply Z.le_trans with (Z.of_nat (2 ^ 17)); [lia|]. rewrite Nat2Z.inj_pow. reflexivity. }
  split; [exact Hn|]. split; [apply Rmult_le_pos; lra|].
  apply Rle_trans with (131072 * u); [apply Rmult_le_compat_r; lra|lra].
Qed.

Lemma total_value_nonnegative : forall l, Forall good l -> 0 <= total value l.
Proof.
  intros l H. apply total_nonnegative. intros y Hy. rewrite Forall_forall in H. apply H, Hy.
Qed.

Lemma total_error_nonnegative : forall l, Forall good l -> 0 <= total (fun x => value x * error x) l.
Proof.
  intros l H. apply total_nonnegative. intros y Hy. rewrite Forall_forall in H.
  destruct (H y Hy) as (_ & N & E & _). apply Rmult_le_pos; lra.
Qed.

Lemma list_sum_error : forall l, (length l <= 2 ^ 17)%nat -> Forall good l ->
  Rabs (sum_of 0 l - total value l) <= INR (length l) * u * total value l /\
  total value l <= 10001 / 10000 * sum_of 0 l.
Proof.
  intros l Hl H. pose proof small_unit as Hu. destruct (list_size l Hl) as (Hn & Hnu).
  assert (E : Rabs (sum_of 0 l - total value l) <= INR (length l) * u * total value l).
  { destruct H as [|x0 l0 (F0 & N0 & G0) H0].
    - unfold total. simpl. rewrite Rminus_0_r, Rabs_R0. lra.
    - assert (S0 : sum_of 0 (x0 :: l0) = sum_of (value x0) l0).
      { simpl. rewrite Rplus_0_l, (Rounding.RN_exact _ F0). reflexivity. }
      pose proof (sum_of_error l0 (value x0) F0 N0 H0) as E. rewrite <- S0 in E.
      change (value x0 + total value l0) with (total value (x0 :: l0)) in E.
      eapply Rle_trans; [exact E|]. apply Rmult_le_compat_r.
      { apply total_value_nonnegative. constructor; [split; [exact F0|split; assumption]|exact H0]. }
      change (length (x0 :: l0)) with (S (length l0)) in *.
      assert (L : 0 <= INR (length l0) <= 131072).
      { split; [apply pos_INR|]. rewrite S_INR in Hn. lra. }
      assert (C : INR (length l0) * INR (S (length l0)) * u <= 1).
      { apply Rle_trans with (131072 * 131072 * u); [|lra].
        apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat; lra. }
      destruct (Gamma.gamma_returned (length l0) u ltac:(lra) C) as (C1 & C2).
      eapply Rle_trans; [apply Gamma.pow_gamma; [lra|exact C1]|]. exact C2. }
  split; [exact E|].
  pose proof (total_value_nonnegative l H) as NT. apply Rabs_le_inv in E.
  assert (INR (length l) * u * total value l <= / 100000 * total value l)
    by (apply Rmult_le_compat_r; lra). lra.
Qed.

(** The sum of the E_k is within sum_error of the computed sum, with something to spare. *)
Theorem sum_error_bound : forall fused l, (length l <= 2 ^ 17)%nat -> Forall good l ->
  1 <= sum_of 0 l ->
  1001 / 1000 * Rabs (total exactly l - sum_of 0 l) <= sum_error fused l * sum_of 0 l.
Proof.
  intros fused l Hl H HS. pose proof small_unit as Hu. pose proof tiny_size as Ht.
  destruct (list_size l Hl) as (Hn' & Hnu).
  destruct (list_sum_error l Hl H) as (E2 & TS). pose proof (terms_error l H) as E1.
  pose proof (total_value_nonnegative l H) as NT. pose proof (total_error_nonnegative l H) as NA.
  set (S := sum_of 0 l) in *. set (n := INR (length l)) in *.
  set (T := total value l) in *. set (A := total (fun x => value x * error x) l) in *.
  assert (Hn : 1 <= n).
  { unfold n. apply (le_INR 1). destruct l; [unfold S in HS; simpl in HS; lra|simpl; lia]. }
  assert (Err : Rabs (total exactly l - S) <= 100001 / 100000 * A + 10001 / 10000 * (n * u * S)).
  { replace (total exactly l - S) with (- (T - total exactly l) - (S - T)) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite 2!Rabs_Ropp.
    assert (n * u * T <= n * u * (10001 / 10000 * S)) by (apply Rmult_le_compat_l; lra). lra. }
  (* what is computed *)
  destruct (weighted_of_below fused l 0 (Rle_refl 0) H (proj2 Hnu)) as (NW & W).
  unfold sum_error. fold S n. fold n A in W. set (w := weighted_of fused 0 l) in *.
  rewrite Rplus_0_l in W.
  assert (nA : n * u * A <= / 100000 * A) by (apply Rmult_le_compat_r; lra).
  assert (W' : 9999 / 10000 * A - 2 * (n * tiny) <= w) by lra.
  assert (NwS : 0 <= w / S) by (apply Rmult_le_pos; [exact NW|apply Rlt_le, Rinv_0_lt_compat; lra]).
  assert (NnuS : 0 <= n * u * S) by (apply Rmult_le_pos; lra).
  assert (NtS : 0 <= tiny * S) by (apply Rmult_le_pos; lra).
  pose proof kMore_size as HM.
  assert (HI : 1 <= kInflation <= 2) by (unfold kInflation; simpl; lra).
  set (x1 := RN (w / S)).
  assert (X1 : (1 - u) * w - tiny * S <= x1 * S).
  { pose proof (below _ NwS) as B. fold x1 in B. apply Rmult_le_compat_r with (r := S) in B; [|lra].
    replace (((1 - u) * (w / S) - tiny) * S) with ((1 - u) * w - tiny * S) in B by (field; lra).
    exact B. }
  assert (N1 : 0 <= x1) by (apply RN_nonnegative, NwS).
  set (x2 := RN (x1 + n * u)).
  assert (X2 : (1 - u) * (x1 * S + n * u * S) - tiny * S <= x2 * S).
  { pose proof (below (x1 + n * u) ltac:(lra)) as B. fold x2 in B.
    apply Rmult_le_compat_r with (r := S) in B; [|lra]. lra. }
  assert (N2 : 0 <= x2) by (apply RN_nonnegative; lra).
  assert (N2S : 0 <= x2 * S) by (apply Rmult_le_pos; lra).
  set (x3 := RN (x2 * kMore)).
  assert (N2M : 0 <= x2 * kMore) by (apply Rmult_le_pos; lra).
  assert (X3 : (1 - u) * (10099 / 10000 * (x2 * S)) - tiny * S <= x3 * S).
  { pose proof (below _ N2M) as B. fold x3 in B. apply Rmult_le_compat_r with (r := S) in B; [|lra].
    assert (M' : 10099 / 10000 * (x2 * S) <= kMore * (x2 * S)) by (apply Rmult_le_compat_r; lra).
    apply Rmult_le_compat_l with (r := 1 - u) in M'; [|lra]. lra. }
  assert (N3 : 0 <= x3) by (apply RN_nonnegative, N2M).
  set (x4 := RN (x3 * kInflation)).
  assert (N3S : 0 <= x3 * S) by (apply Rmult_le_pos; lra).
  assert (X4 : (1 - u) * (x3 * S) - tiny * S <= x4 * S).
  { assert (N3I : 0 <= x3 * kInflation) by (apply Rmult_le_pos; lra).
    pose proof (below _ N3I) as B. fold x4 in B. apply Rmult_le_compat_r with (r := S) in B; [|lra].
    assert (M' : 1 * (x3 * S) <= kInflation * (x3 * S)) by (apply Rmult_le_compat_r; lra).
    apply Rmult_le_compat_l with (r := 1 - u) in M'; [|lra]. lra. }
  (* roundings are below 10^-6, what underflows is far below n u S *)
  assert (Small : forall z, 0 <= z -> 0 <= u * z <= / 1000000 * z).
  { intros z Hz. split; [apply Rmult_le_pos; lra|apply Rmult_le_compat_r; lra]. }
  assert (TinyS : tiny * S <= / 1000000 * (n * u * S)).
  { replace (/ 1000000 * (n * u * S)) with (/ 1000000 * (n * u) * S) by ring.
    apply Rmult_le_compat_r; [lra|].
    assert (1 * u <= n * u) by (apply Rmult_le_compat_r; lra). lra. }
  assert (TinyN : n * tiny <= / 1000000 * (n * u * S)).
  { replace (/ 1000000 * (n * u * S)) with (n * (/ 1000000 * (u * S))) by ring.
    apply Rmult_le_compat_l; [lra|].
    assert (u * 1 <= u * S) by (apply Rmult_le_compat_l; lra). lra. }
  pose proof (Small w NW) as Sw.
  pose proof (Small (x1 * S + n * u * S) ltac:(assert (0 <= x1 * S) by (apply Rmult_le_pos; lra); lra)) as S1.
  pose proof (Small (10099 / 10000 * (x2 * S)) ltac:(lra)) as S2.
  pose proof (Small (x3 * S) N3S) as S3.
  lra.
Qed.

Lemma weighted_of_above : forall fused l w, 0 <= w -> Forall good l ->
  INR (length l) * u <= / 100000 ->
  weighted_of fused w l <= (1 + 6 * INR (length l) * u) * (w + total (fun x => value x * error x) l)
                           + 6 * INR (length l) * tiny.
Proof.
  intros fused. pose proof small_unit as Hu. pose proof tiny_size as Ht.
  induction l as [|x l IH]; intros w Hw H Hn.
  - unfold total. simpl. lra.
  - pose proof (total_error_nonnegative l (Forall_inv_tail H)) as T.
    inversion H as [|y ys (_ & Nx & Ex & _) Hl Eq]; subst.
    change (length (x :: l)) with (S (length l)) in *. rewrite S_INR in *.
    set (n := INR (length l)) in *. assert (Nn : 0 <= n) by apply pos_INR.
    change (total (fun x => value x * error x) (x :: l))
      with (value x * error x + total (fun x => value x * error x) l).
    set (t := total _ l) in *. set (a := value x * error x) in *.
    assert (Na : 0 <= a) by (apply Rmult_le_pos; lra).
    pose proof (factor_error fused (value x) (error x)) as Pa.
    pose proof (product_nonnegative fused (value x) (error x) Na) as Pn.
    cbn [weighted_of]. fold a in Pa, Pn |- *. rewrite (Rabs_pos_eq a Na) in Pa.
    set (q := if fused then a else RN a) in *. apply Rabs_le_inv in Pa.
    pose proof (above (w + q) ltac:(lra)) as B. pose proof (RN_nonnegative (w + q) ltac:(lra)) as N.
    set (w' := RN (w + q)) in *. pose proof (IH w' N Hl ltac:(lra)) as I.
    eapply Rle_trans; [exact I|].
    assert (Uw : 0 <= u * w) by (apply Rmult_le_pos; lra).
    assert (Ua : 0 <= u * a) by (apply Rmult_le_pos; lra).
    assert (Uua : u * (u * a) <= / 1000000 * (u * a)) by (apply Rmult_le_compat_r; lra).
    assert (Utiny : u * tiny <= / 1000000 * tiny) by (apply Rmult_le_compat_r; lra).
    assert (W : w' <= (1 + 3 * u) * (w + a) + 3 * tiny).
    { assert (u * q <= u * ((1 + u) * a + tiny)) by (apply Rmult_le_compat_l; lra). lra. }
    assert (K : 0 <= n * u <= / 100000) by (split; [apply Rmult_le_pos|]; lra).
    assert (G : (1 + 6 * n * u) * (w' + t) <= (1 + 6 * n * u) * ((1 + 3 * u) * (w + a) + 3 * tiny + t))
      by (apply Rmult_le_compat_l; lra).
    assert (Z1 : n * u * (u * (w + a)) <= / 100000 * (u * (w + a)))
      by (apply Rmult_le_compat_r; [apply Rmult_le_pos|]; lra).
    assert (Z2 : n * u * tiny <= / 100000 * tiny) by (apply Rmult_le_compat_r; lra).
    assert (Z3 : 0 <= u * t) by (apply Rmult_le_pos; lra).
    lra.
Qed.

(** It is far below what `logarithm` asks for and what is assumed below. *)
Theorem sum_error_small : forall fused l, (length l <= 2 ^ 17)%nat -> Forall good l ->
  Forall (fun x => error x <= 2048 * u) l -> 1 <= sum_of 0 l ->
  0 <= sum_error fused l <= / 1073741824.
Proof.
  intros fused l Hl H Hs HS. pose proof small_unit as Hu. pose proof tiny_size as Ht.
  destruct (list_size l Hl) as (Hn & Hnu). destruct (list_sum_error l Hl H) as (_ & TS).
  pose proof (total_value_nonnegative l H) as NT.
  pose proof (weighted_of_above fused l 0 (Rle_refl 0) H (proj2 Hnu)) as W.
  destruct (weighted_of_below fused l 0 (Rle_refl 0) H (proj2 Hnu)) as (NW & _).
  assert (A : total (fun x => value x * error x) l <= 2048 * u * total value l).
  { clear -H Hs. pose proof small_unit as Hu. unfold total. induction l as [|x l IH]; simpl; [lra|].
    inversion H as [|y ys (_ & Nx & _) Hl Eq]; subst. inversion Hs as [|y ys Ex Hsl Eq]; subst.
    specialize (IH Hl Hsl).
    assert (value x * error x <= value x * (2048 * u)) by (apply Rmult_le_compat_l; assumption). lra. }
  pose proof (total_error_nonnegative l H) as NA.
  unfold sum_error. set (S := sum_of 0 l) in *. set (n := INR (length l)) in *.
  set (w := weighted_of fused 0 l) in *. set (t := total (fun x => value x * error x) l) in *.
  rewrite Rplus_0_l in W.
  assert (W' : w <= 3000 * u * S).
  { assert (n * u * t <= / 100000 * t) by (apply Rmult_le_compat_r; lra).
    assert (n * tiny <= 131072 * tiny) by (apply Rmult_le_compat_r; lra).
    assert (u * 1 <= u * S) by (apply Rmult_le_compat_l; lra).
    assert (2048 * u * total value l <= 2048 * u * (10001 / 10000 * S))
      by (apply Rmult_le_compat_l; lra). lra. }
  assert (IS : 0 < / S) by (apply Rinv_0_lt_compat; lra).
  assert (Q : 0 <= w / S <= 3000 * u).
  { split; [apply Rmult_le_pos; lra|]. apply Rmult_le_reg_r with S; [lra|].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  pose proof kMore_size as HM. assert (HI : 1 <= kInflation <= 2) by (unfold kInflation; simpl; lra).
  assert (Small : forall z, 0 <= z -> RN z <= 1001 / 1000 * z + tiny).
  { intros z Hz. pose proof (above z Hz).
    assert (u * z <= / 1000000 * z) by (apply Rmult_le_compat_r; lra). lra. }
  pose proof (Small (w / S) ltac:(lra)) as B1. pose proof (RN_nonnegative (w / S) ltac:(lra)) as N1.
  set (x1 := RN (w / S)) in *.
  pose proof (Small (x1 + n * u) ltac:(lra)) as B2. pose proof (RN_nonnegative (x1 + n * u) ltac:(lra)) as N2.
  set (x2 := RN (x1 + n * u)) in *.
  assert (P2 : 0 <= x2 * kMore <= x2 * 2).
  { split; [apply Rmult_le_pos; lra|apply Rmult_le_compat_l; lra]. }
  pose proof (Small (x2 * kMore) ltac:(lra)) as B3. pose proof (RN_nonnegative (x2 * kMore) ltac:(lra)) as N3.
  set (x3 := RN (x2 * kMore)) in *.
  assert (P3 : 0 <= x3 * kInflation <= x3 * 2).
  { split; [apply Rmult_le_pos; lra|apply Rmult_le_compat_l; lra]. }
  pose proof (Small (x3 * kInflation) ltac:(lra)) as B4.
  pose proof (RN_nonnegative (x3 * kInflation) ltac:(lra)) as N4.
  assert (n * u <= 131072 * u) by (apply Rmult_le_compat_r; lra).
  lra.
Qed.

(** * The logarithm *)

Lemma ln_above : forall z, 0 < z -> ln z <= z - 1.
Proof. intros z Hz. pose proof (exp_ineq1_le (ln z)) as H. rewrite exp_ln in H by exact Hz. lra. Qed.

Lemma ln_below : forall z, 0 < z -> 1 - / z <= ln z.
Proof.
  intros z Hz. assert (P : 0 < / z) by (apply Rinv_0_lt_compat, Hz).
  pose proof (ln_above (/ z) P) as H. rewrite ln_Rinv in H by exact Hz. lra.
Qed.

Lemma ln_near_one : forall t, Rabs t <= / 10000 -> Rabs (ln (1 + t)) <= 10002 / 10000 * Rabs t.
Proof.
  intros t Ht. pose proof (Rabs_le_inv _ _ Ht) as I.
  pose proof (ln_above (1 + t) ltac:(lra)) as U. pose proof (ln_below (1 + t) ltac:(lra)) as L.
  assert (E : 1 - / (1 + t) = t * / (1 + t)) by (field; lra). rewrite E in L.
  assert (Q : 0 < / (1 + t) <= 10002 / 10000).
  { split; [apply Rinv_0_lt_compat; lra|].
    apply Rmult_le_reg_r with (1 + t); [lra|]. rewrite Rinv_l by lra. lra. }
  apply Rabs_le. unfold Rabs. destruct (Rcase_abs t) as [N|N].
  - assert (t * (10002 / 10000) <= t * / (1 + t)) by (apply Rmult_le_compat_neg_l; lra). lra.
  - assert (0 <= t * / (1 + t)) by (apply Rmult_le_pos; lra). lra.
Qed.

(** v - 1 - (v - 1)^2 <= log v but for a term of third order. *)
Lemma ln_second_order : forall t, Rabs t <= / 100 -> Rabs (ln (1 + t) - t) <= t * t + 2 * (Rabs t * (t * t)).
Proof.
  intros t Ht. pose proof (Rabs_le_inv _ _ Ht) as I. pose proof (Rabs_pos t) as Pt.
  pose proof (ln_above (1 + t) ltac:(lra)) as U. pose proof (ln_below (1 + t) ltac:(lra)) as L.
  assert (E : 1 - / (1 + t) = t - t * t + t * (t * t) * / (1 + t)) by (field; lra). rewrite E in L.
  assert (Q : 0 < / (1 + t) <= 2).
  { split; [apply Rinv_0_lt_compat; lra|].
    apply Rmult_le_reg_r with (1 + t); [lra|]. rewrite Rinv_l by lra. lra. }
  assert (T2 : 0 <= t * t) by (apply Rle_0_sqr).
  assert (C : Rabs (t * (t * t) * / (1 + t)) <= 2 * (Rabs t * (t * t))).
  { rewrite 2!Rabs_mult, (Rabs_pos_eq (t * t)), (Rabs_pos_eq (/ (1 + t))) by lra.
    rewrite (Rmult_comm 2). apply Rmult_le_compat_l; [apply Rmult_le_pos|]; lra. }
  apply Rabs_le_inv in C. assert (0 <= Rabs t * (t * t)) by (apply Rmult_le_pos; lra).
  apply Rabs_le. lra.
Qed.

Definition log_value (f : nat -> bool) (S y : R) : R := RN (S * exp_nearly f (- y)).

Definition log_radius (f1 f2 : bool) (near error : R) : R :=
  let spread := RN (pow2 (-49) + error) in
  RN (RN ((if f1 then near * near else RN (near * near))
          + (if f2 then spread * kMore else RN (spread * kMore))) + 4 * u).

(** [logarithm]: y is whatever the library gives, if it lies in the range of exp_nearly. *)
Theorem log_radius_bound : forall f f1 f2 S total y error,
  -690 <= y <= 690 -> 0 < S -> 0 <= error <= / 1073741824 ->
  1001 / 1000 * Rabs (total - S) <= error * S ->
  let v := log_value f S y in
  Rabs (v - 1) <= / 1048576 ->
  Rabs (ln total - (y + (v - 1))) <= log_radius f1 f2 (Rabs (v - 1)) error.
Proof.
  intros f f1 f2 S total y error Hy HS He HT v Hv.
  pose proof small_unit as Hu. pose proof tiny_size as Ht.
  pose proof (exp_nearly_units f (- y) ltac:(lra)) as X. pose proof (exp_pos (- y)) as P.
  set (E := exp (- y)) in *. set (E' := exp_nearly f (- y)) in *.
  set (theta := (E' - E) / E).
  assert (Th : Rabs theta <= 5 * u).
  { unfold theta, Rdiv. rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq E) by lra.
    apply Rmult_le_reg_r with E; [exact P|]. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  assert (EE : E' = E * (1 + theta)) by (unfold theta; field; lra).
  (* the product of S and E' is normal *)
  set (z := S * E') in *.
  assert (PE' : 0 < E').
  { rewrite EE. apply Rmult_lt_0_compat; [exact P|]. apply Rabs_le_inv in Th. lra. }
  assert (Pz : 0 < z) by (apply Rmult_lt_0_compat; lra).
  pose proof (above z ltac:(lra)) as Az. change (RN z) with v in Az.
  pose proof (Rabs_le_inv _ _ Hv) as Iv.
  assert (Lz : / 2 <= z) by (assert (u * z <= / 1000000 * z) by (apply Rmult_le_compat_r; lra); lra).
  destruct (Gamma.normal_error (fun z => negb (Z.even z)) z) as (d & Hd & Ed).
  { right. rewrite Rabs_pos_eq by lra. apply Rle_trans with (pow2 (-1)); [apply bpow_le; lia|].
    simpl; lra. }
  change (pow2 (-53)) with u in Hd. change (RN z) with v in Ed.
  (* the total *)
  set (e := (total - S) / S).
  assert (He' : 1001 / 1000 * Rabs e <= error).
  { unfold e, Rdiv. rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq S) by lra.
    apply Rmult_le_reg_r with S; [exact HS|]. rewrite <- Rmult_assoc, Rmult_assoc, Rinv_l by lra. lra. }
  assert (ET : total = S * (1 + e)) by (unfold e; field; lra).
  pose proof (Rabs_pos e) as Pe. pose proof (Rabs_pos theta) as Pth. pose proof (Rabs_pos d) as Pd.
  assert (Ie : Rabs e <= / 10000) by lra. assert (Ith : Rabs theta <= / 10000) by lra.
  assert (Id : Rabs d <= / 10000) by lra.
  assert (I1 : 0 < 1 + e) by (apply Rabs_le_inv in Ie; lra).
  assert (I2 : 0 < 1 + theta) by (apply Rabs_le_inv in Ith; lra).
  assert (I3 : 0 < 1 + d) by (apply Rabs_le_inv in Id; lra).
  assert (Lv : ln v = ln S + - y + ln (1 + theta) + ln (1 + d)).
  { rewrite Ed. unfold z. rewrite EE. rewrite 3!ln_mult by (try apply Rmult_lt_0_compat; try lra;
      apply Rmult_lt_0_compat; lra).
    unfold E. rewrite ln_exp. ring. }
  assert (LT : ln total = ln S + ln (1 + e)) by (rewrite ET; apply ln_mult; lra).
  pose proof (ln_near_one e Ie) as N1. pose proof (ln_near_one theta Ith) as N2.
  pose proof (ln_near_one d Id) as N3.
  set (t := v - 1) in *. assert (Vt : v = 1 + t) by (unfold t; ring).
  pose proof (ln_second_order t ltac:(lra)) as N4. rewrite <- Vt, Lv in N4.
  assert (T2 : 0 <= t * t <= / 1048576 * / 1048576).
  { split; [apply Rle_0_sqr|]. rewrite <- (Rabs_pos_eq (t * t)) by apply Rle_0_sqr.
    rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; exact Hv. }
  assert (T3 : Rabs t * (t * t) <= / 1048576 * (/ 1048576 * / 1048576)).
  { apply Rmult_le_compat; try lra. apply Rabs_pos. }
  assert (Exact : Rabs (ln total - (y + t)) <=
                  t * t + 2 * (/ 1048576 * (/ 1048576 * / 1048576)) + 10002 / 10000 * (Rabs e + 6 * u)).
  { rewrite LT. apply Rabs_le_inv in N1. apply Rabs_le_inv in N2. apply Rabs_le_inv in N3.
    apply Rabs_le_inv in N4. apply Rabs_le. lra. }
  (* what is computed *)
  assert (U49 : pow2 (-49) = 16 * u) by (unfold u; simpl; lra).
  assert (NN : Rabs t * Rabs t = t * t) by (rewrite <- Rabs_mult; apply Rabs_pos_eq; lra).
  unfold log_radius. rewrite U49, NN.
  pose proof kMore_size as HM.
  set (spread := RN (16 * u + error)).
  pose proof (below (16 * u + error) ltac:(lra)) as B1. fold spread in B1.
  assert (Ns : 0 <= spread) by (apply RN_nonnegative; lra).
  assert (Nsm : 0 <= spread * kMore) by (apply Rmult_le_pos; lra).
  pose proof (product_below f2 spread kMore Nsm) as B2.
  pose proof (product_nonnegative f2 spread kMore Nsm) as N2'.
  set (q2 := if f2 then spread * kMore else RN (spread * kMore)) in *.
  assert (B1' : 16 * u + error - 2 * (u * / 1000000) <= spread).
  { assert (u * (16 * u + error) <= u * / 1000000) by (apply Rmult_le_compat_l; lra). lra. }
  assert (Bm : 10099 / 10000 * spread <= spread * kMore)
    by (rewrite (Rmult_comm spread); apply Rmult_le_compat_r; lra).
  assert (Uq : u * (spread * kMore) <= u * / 100000).
  { apply Rmult_le_compat_l; [lra|]. pose proof (above (16 * u + error) ltac:(lra)) as A1. fold spread in A1.
    assert (u * (16 * u + error) <= u * / 1000000) by (apply Rmult_le_compat_l; lra).
    assert (spread <= / 1000000) by lra.
    apply Rle_trans with (/ 1000000 * (10101 / 10000)); [apply Rmult_le_compat; lra|lra]. }
  assert (B3 : t * t - u * / 1000000 - tiny <= (if f1 then t * t else RN (t * t)) /\
               0 <= (if f1 then t * t else RN (t * t))).
  { assert (u * (t * t) <= u * / 1000000) by (apply Rmult_le_compat_l; lra).
    destruct f1; [lra|]. split; [pose proof (below (t * t) ltac:(lra)); lra|apply RN_nonnegative; lra]. }
  set (q1 := if f1 then t * t else RN (t * t)) in *.
  set (s := RN (q1 + q2)).
  pose proof (below (q1 + q2) ltac:(lra)) as B4. fold s in B4.
  assert (Ns' : 0 <= s) by (apply RN_nonnegative; lra).
  pose proof (below (s + 4 * u) ltac:(lra)) as B5.
  (* the sums are below 10^-5, so that their roundings are below u / 10^5 *)
  assert (Aq1 : q1 <= / 1000000).
  { unfold q1. destruct f1; [lra|]. pose proof (above (t * t) ltac:(lra)).
    assert (u * (t * t) <= u * / 1000000) by (apply Rmult_le_compat_l; lra). lra. }
  assert (Aq2 : q2 <= / 100000).
  { assert (A1 : spread * kMore <= / 200000).
    { pose proof (above (16 * u + error) ltac:(lra)) as A1. fold spread in A1.
      assert (u * (16 * u + error) <= u * / 1000000) by (apply Rmult_le_compat_l; lra).
      apply Rle_trans with (/ 1000000 * (10101 / 10000)); [apply Rmult_le_compat; lra|lra]. }
    unfold q2. destruct f2; [lra|]. pose proof (above (spread * kMore) Nsm). lra. }
  assert (R4 : u * (q1 + q2) <= u * / 10000) by (apply Rmult_le_compat_l; lra).
  assert (As : s <= / 10000) by (pose proof (above (q1 + q2) ltac:(lra)) as A; fold s in A; lra).
  assert (R5 : u * (s + 4 * u) <= u * / 1000) by (apply Rmult_le_compat_l; lra).
  assert (U60 : / 1048576 * (/ 1048576 * / 1048576) <= u * / 100) by (unfold u; lra).
  eapply Rle_trans; [exact Exact|]. lra.
Qed.

(** * Probabilities *)

Definition kTiny : R := pow2 (-1000).

Lemma kTiny_size : 10000000 * tiny <= kTiny.
Proof.
  apply Rle_trans with (pow2 24 * tiny).
  - apply Rmult_le_compat_r; [apply Rlt_le, tiny_size|]. simpl; lra.
  - unfold tiny, kTiny. rewrite <- bpow_plus. apply bpow_le. lia.
Qed.

(** `(moved + a·kMore)·kInflation + kTiny` *)
Definition entry_radius (f1 f2 : bool) (moved a : R) : R :=
  let s := RN (moved + (if f1 then a * kMore else RN (a * kMore))) in
  RN ((if f2 then s * kInflation else RN (s * kInflation)) + kTiny).

Lemma entry_radius_below : forall f1 f2 moved a, 0 <= moved -> 0 <= a ->
  moved + 10098 / 10000 * a + / 2 * kTiny <= entry_radius f1 f2 moved a.
Proof.
  intros f1 f2 moved a Hm Ha. unfold entry_radius.
  pose proof small_unit as Hu. pose proof tiny_size as Ht. pose proof kTiny_size as HT.
  pose proof kMore_size as HM.
  assert (HI : kInflation = 1 + 8192 * u) by (unfold kInflation, u; simpl; lra).
  assert (Nc : 0 <= a * kMore) by (apply Rmult_le_pos; lra).
  assert (Lc : 10099 / 10000 * a <= a * kMore)
    by (rewrite (Rmult_comm a); apply Rmult_le_compat_r; lra).
  pose proof (product_below f1 a kMore Nc) as B1. pose proof (product_nonnegative f1 a kMore Nc) as N1.
  set (q := if f1 then a * kMore else RN (a * kMore)) in *.
  pose proof (below (moved + q) ltac:(lra)) as B2. pose proof (RN_nonnegative (moved + q) ltac:(lra)) as N2.
  set (s := RN (moved + q)) in *.
  assert (Ns : 0 <= s * kInflation) by (apply Rmult_le_pos; lra).
  pose proof (product_below f2 s kInflation Ns) as B3.
  pose proof (product_nonnegative f2 s kInflation Ns) as N3.
  set (q' := if f2 then s * kInflation else RN (s * kInflation)) in *.
  pose proof (below (q' + kTiny) ltac:(lra)) as B4.
  assert (Us : 0 <= u * s) by (apply Rmult_le_pos; lra).
  assert (Uus : u * (u * s) <= / 1000000 * (u * s)) by (apply Rmult_le_compat_r; lra).
  assert (Uuus : 0 <= u * (u * (u * s)))
    by (apply Rmult_le_pos; [lra|apply Rmult_le_pos; lra]).
  rewrite HI in *.
  assert (U3 : s + 8000 * (u * s) - tiny <= (1 - u) * q').
  { apply Rle_trans with ((1 - u) * ((1 - u) * (s * (1 + 8192 * u)) - tiny));
      [|apply Rmult_le_compat_l; lra].
    assert (0 <= u * tiny) by (apply Rmult_le_pos; lra). lra. }
  assert (X : moved + 10098 / 10000 * a - 3 * tiny <= s + 8000 * (u * s)).
  { assert (X1 : (1 - u) * (moved + 100985 / 100000 * a - tiny) - tiny <= s).
    { eapply Rle_trans; [|exact B2]. apply Rplus_le_compat_r, Rmult_le_compat_l; [lra|].
      assert (u * (a * kMore) <= / 1000000 * (a * kMore)) by (apply Rmult_le_compat_r; lra). lra. }
    assert (0 <= u * moved) by (apply Rmult_le_pos; lra).
    assert (u * a <= / 1000000 * a) by (apply Rmult_le_compat_r; lra).
    assert (0 <= u * tiny) by (apply Rmult_le_pos; lra).
    assert (Y : u * ((1 - u) * (moved + 100985 / 100000 * a - tiny) - tiny) <= u * s)
      by (apply Rmult_le_compat_l; lra).
    assert (u * (u * moved) <= / 1000000 * (u * moved)) by (apply Rmult_le_compat_r; lra).
    assert (0 <= u * (u * moved)) by (apply Rmult_le_pos; lra).
    assert (0 <= u * a) by (apply Rmult_le_pos; lra).
    assert (u * (u * a) <= / 1000000 * (u * a)) by (apply Rmult_le_compat_r; lra).
    assert (u * tiny <= / 1000000 * tiny) by (apply Rmult_le_compat_r; lra).
    assert (u * (u * tiny) <= / 1000000 * (u * tiny)) by (apply Rmult_le_compat_r; lra).
    assert (0 <= u * (u * tiny)) by (apply Rmult_le_pos; lra).
    lra. }
  assert (u * kTiny <= / 1000000 * kTiny) by (apply Rmult_le_compat_r; lra).
  lra.
Qed.

(** A quotient by the computed sum in place of the exact one. *)
Lemma quotient_moved : forall x x' S total e D, 1 <= S -> 0 <= x -> 0 <= e <= / 1000000 ->
  Rabs (total - S) <= e * S -> Rabs (x - x') <= D ->
  Rabs (x / S - x' / total) <= 10001 / 10000 * (x / S * e + D / S).
Proof.
  intros x x' S total e D HS Hx He HT HD.
  assert (IT : 99999 / 100000 * S <= total).
  { apply Rabs_le_inv in HT. assert (e * S <= / 1000000 * S) by (apply Rmult_le_compat_r; lra). lra. }
  assert (PT : 0 < total) by lra.
  assert (IS : 0 < / S) by (apply Rinv_0_lt_compat; lra).
  assert (I1 : 0 < / total) by (apply Rinv_0_lt_compat, PT).
  assert (I2 : / total <= 10001 / 10000 * / S).
  { apply Rmult_le_reg_r with (total * S); [apply Rmult_lt_0_compat; lra|].
    replace (/ total * (total * S)) with S by (field; lra).
    replace (10001 / 10000 * / S * (total * S)) with (10001 / 10000 * total) by (field; lra). lra. }
  replace (x / S - x' / total) with ((x * (total - S) + (x - x') * S) * / S * / total) by (field; lra).
  assert (N : Rabs (x * (total - S) + (x - x') * S) <= (x * e + D) * S).
  { eapply Rle_trans; [apply Rabs_triang|]. rewrite 2!Rabs_mult, (Rabs_pos_eq x), (Rabs_pos_eq S) by lra.
    assert (x * Rabs (total - S) <= x * (e * S)) by (apply Rmult_le_compat_l; assumption).
    assert (Rabs (x - x') * S <= D * S) by (apply Rmult_le_compat_r; lra). lra. }
  rewrite 2!Rabs_mult, (Rabs_pos_eq (/ S)), (Rabs_pos_eq (/ total)) by lra.
  pose proof (Rabs_pos (x - x')) as PD.
  assert (ND : 0 <= x * e + D) by (assert (0 <= x * e) by (apply Rmult_le_pos; lra); lra).
  apply Rle_trans with ((x * e + D) * S * / S * (10001 / 10000 * / S)).
  - apply Rmult_le_compat; [|lra| |exact I2].
    + apply Rmult_le_pos; [apply Rabs_pos|lra].
    + apply Rmult_le_compat_r; [lra|exact N].
  - right. field. lra.
Qed.

(** The residuals of the other classes: around p = t_k/S. *)
Theorem probability_bound : forall f1 f2 x S total error_of_sum moved, good x -> 1 <= S ->
  0 <= error_of_sum <= / 1000000 -> Rabs (total - S) <= error_of_sum * S -> 0 <= moved ->
  let p := RN (value x / S) in
  let a := RN (p * RN (RN (error x + error_of_sum) + 2 * u)) in
  Rabs (p - exactly x / total) + moved <= entry_radius f1 f2 moved a.
Proof.
  intros f1 f2 x S total e moved (Fx & Nx & Ex & Px & Dx) HS He HT Hm p a.
  pose proof small_unit as Hu. pose proof tiny_size as Ht. pose proof kTiny_size as HK.
  assert (IS : 0 < / S) by (apply Rinv_0_lt_compat; lra).
  set (w := value x / S). assert (Nw : 0 <= w) by (apply Rmult_le_pos; lra).
  assert (D : Rabs (value x - exactly x) <= 100001 / 100000 * (value x * error x)).
  { eapply Rle_trans; [exact Dx|]. apply Rabs_le_inv in Dx.
    assert (error x * exactly x <= / 1000000 * exactly x) by (apply Rmult_le_compat_r; lra).
    assert (exactly x <= 100001 / 100000 * value x) by lra.
    apply Rle_trans with (error x * (100001 / 100000 * value x)); [|lra].
    apply Rmult_le_compat_l; lra. }
  pose proof (quotient_moved _ _ _ _ _ _ HS Nx He HT D) as Q. fold w in Q.
  replace (100001 / 100000 * (value x * error x) / S) with (100001 / 100000 * (w * error x)) in Q
    by (unfold w; field; lra).
  pose proof (rounding w) as R. change (RN w) with p in R. rewrite (Rabs_pos_eq w Nw) in R.
  assert (Np : 0 <= p) by (apply RN_nonnegative, Nw).
  assert (Wp : w <= 100001 / 100000 * (p + tiny)).
  { apply Rabs_le_inv in R. assert (u * w <= / 1000000 * w) by (apply Rmult_le_compat_r; lra). lra. }
  (* the bound as computed *)
  set (c1 := RN (error x + e)). assert (N1 : 0 <= c1) by (apply RN_nonnegative; lra).
  pose proof (below (error x + e) ltac:(lra)) as B1. fold c1 in B1.
  set (c2 := RN (c1 + 2 * u)). assert (N2 : 0 <= c2) by (apply RN_nonnegative; lra).
  pose proof (below (c1 + 2 * u) ltac:(lra)) as B2. fold c2 in B2.
  assert (C2 : 9999 / 10000 * (error x + e + 2 * u) <= c2).
  { assert (u * (error x + e) <= / 1000000 * (error x + e)) by (apply Rmult_le_compat_r; lra).
    assert (u * (c1 + 2 * u) <= / 1000000 * (c1 + 2 * u)) by (apply Rmult_le_compat_r; lra). lra. }
  assert (Npc : 0 <= p * c2) by (apply Rmult_le_pos; assumption).
  pose proof (below _ Npc) as B3. fold c1 c2 in a. change (RN (p * c2)) with a in B3.
  assert (Na : 0 <= a) by (apply RN_nonnegative, Npc).
  assert (Pc : p * (9999 / 10000 * (error x + e + 2 * u)) <= p * c2)
    by (apply Rmult_le_compat_l; assumption).
  assert (U3 : u * (p * c2) <= / 1000000 * (p * c2)) by (apply Rmult_le_compat_r; lra).
  eapply Rle_trans; [|apply entry_radius_below; assumption].
  assert (G : Rabs (p - exactly x / total) <=
              (u * w + tiny) + 10001 / 10000 * (w * e + 100001 / 100000 * (w * error x)))
    by (apply (triangle _ w); assumption).
  assert (W1 : w * e <= 100001 / 100000 * (p + tiny) * e) by (apply Rmult_le_compat_r; lra).
  assert (W2 : w * error x <= 100001 / 100000 * (p + tiny) * error x) by (apply Rmult_le_compat_r; lra).
  assert (W3 : u * w <= u * (100001 / 100000 * (p + tiny))) by (apply Rmult_le_compat_l; lra).
  assert (T1 : tiny * e <= tiny * / 1000000) by (apply Rmult_le_compat_l; lra).
  assert (T2 : tiny * error x <= tiny * / 1000000) by (apply Rmult_le_compat_l; lra).
  assert (T3 : u * tiny <= / 1000000 * tiny) by (apply Rmult_le_compat_r; lra).
  assert (P1 : 0 <= p * e) by (apply Rmult_le_pos; lra).
  assert (P2 : 0 <= p * error x) by (apply Rmult_le_pos; lra).
  assert (P3 : 0 <= p * u) by (apply Rmult_le_pos; lra).
  lra.
Qed.

(** The residual of the label: around -q, where q = (sum of the others)/S. *)
Theorem rest_bound : forall (f1 f2 f3 f4 : bool) others classes S total_of_all error_of_sum moved,
  Forall good others -> (length others <= classes)%nat -> (classes <= 2 ^ 17)%nat ->
  1 <= S -> 0 <= error_of_sum <= / 1000000 ->
  Rabs (total_of_all - S) <= error_of_sum * S -> 0 <= moved ->
  let q := RN (sum_of 0 others / S) in
  let c := RN (error_of_sum + (INR classes + 2) * u) in
  let a := RN (RN (weighted_of f3 0 others / S) + (if f4 then q * c else RN (q * c))) in
  Rabs (q - total exactly others / total_of_all) + moved <= entry_radius f1 f2 moved a.
Proof.
  intros f1 f2 f3 f4 l classes S all e moved H Hc Hc' HS He HT Hm q c a.
  pose proof small_unit as Hu. pose proof tiny_size as Ht. pose proof kTiny_size as HK.
  assert (Hl : (length l <= 2 ^ 17)%nat) by lia.
  destruct (list_size l Hl) as (Hn & Hnu). destruct (list_sum_error l Hl H) as (E2 & TS).
  pose proof (terms_error l H) as E1.
  pose proof (total_value_nonnegative l H) as NT. pose proof (total_error_nonnegative l H) as NA.
  destruct (weighted_of_below f3 l 0 (Rle_refl 0) H (proj2 Hnu)) as (NW & W).
  assert (Hcl : INR (length l) <= INR classes) by (apply le_INR, Hc).
  assert (IS : 0 < / S) by (apply Rinv_0_lt_compat; lra).
  assert (IS1 : / S <= 1).
  { rewrite <- Rinv_1. apply Rinv_le; lra. }
  set (n := INR (length l)) in *. set (k := INR classes) in *.
  set (T := total value l) in *. set (A := total (fun x => value x * error x) l) in *.
  set (r := sum_of 0 l) in *. set (w' := weighted_of f3 0 l) in *. rewrite Rplus_0_l in W.
  assert (Nr : 0 <= r) by lra.
  set (w := r / S). assert (Nw : 0 <= w) by (apply Rmult_le_pos; lra).
  set (AS := A / S). assert (NAS : 0 <= AS) by (apply Rmult_le_pos; lra).
  assert (D : Rabs (r - total exactly l) <= 100001 / 100000 * A + 10001 / 10000 * (n * u * r)).
  { replace (r - total exactly l) with ((r - T) + (T - total exactly l)) by ring.
    eapply Rle_trans; [apply Rabs_triang|].
    assert (n * u * T <= n * u * (10001 / 10000 * r)) by (apply Rmult_le_compat_l; lra). lra. }
  pose proof (quotient_moved _ _ _ _ _ _ HS Nr He HT D) as Q. fold w in Q.
  replace ((100001 / 100000 * A + 10001 / 10000 * (n * u * r)) / S)
    with (100001 / 100000 * AS + 10001 / 10000 * (n * u * w)) in Q by (unfold w, AS; field; lra).
  pose proof (rounding w) as R. change (RN w) with q in R. rewrite (Rabs_pos_eq w Nw) in R.
  assert (Nq : 0 <= q) by (apply RN_nonnegative, Nw).
  assert (Wq : w <= 100001 / 100000 * (q + tiny)).
  { apply Rabs_le_inv in R. assert (u * w <= / 1000000 * w) by (apply Rmult_le_compat_r; lra). lra. }
  (* the bound as computed *)
  assert (Hku : 0 <= (k + 2) * u) by (apply Rmult_le_pos; lra).
  pose proof (below (e + (k + 2) * u) ltac:(lra)) as B1. fold c in B1.
  assert (Nc : 0 <= c) by (apply RN_nonnegative; lra).
  assert (C : 9999 / 10000 * (e + (n + 2) * u) <= c).
  { assert (u * (e + (k + 2) * u) <= / 1000000 * (e + (k + 2) * u)) by (apply Rmult_le_compat_r; lra).
    assert (n * u <= k * u) by (apply Rmult_le_compat_r; lra).
    assert (0 <= n * u) by lra. lra. }
  assert (Nqc : 0 <= q * c) by (apply Rmult_le_pos; assumption).
  pose proof (product_below f4 q c Nqc) as B2. pose proof (product_nonnegative f4 q c Nqc) as N2.
  set (q' := if f4 then q * c else RN (q * c)) in *.
  assert (NwS : 0 <= w' / S) by (apply Rmult_le_pos; lra).
  pose proof (below _ NwS) as B3. pose proof (RN_nonnegative _ NwS) as N3.
  set (x1 := RN (w' / S)) in *.
  pose proof (below (x1 + q') ltac:(lra)) as B4. change (RN (x1 + q')) with a in B4.
  assert (Na : 0 <= a) by (apply RN_nonnegative; lra).
  assert (WS : 9999 / 10000 * AS - 300000 * tiny <= w' / S).
  { assert (nA : n * u * A <= / 100000 * A) by (apply Rmult_le_compat_r; lra).
    assert (nt : n * tiny <= 131072 * tiny) by (apply Rmult_le_compat_r; lra).
    assert (X : 9999 / 10000 * A - 2 * (131072 * tiny) <= w') by lra.
    apply Rmult_le_compat_r with (r := / S) in X; [|lra].
    assert (tiny * / S <= tiny * 1) by (apply Rmult_le_compat_l; lra).
    unfold AS, Rdiv. lra. }
  assert (Qc : q * (9999 / 10000 * (e + (n + 2) * u)) <= q * c) by (apply Rmult_le_compat_l; assumption).
  assert (U2 : u * (q * c) <= / 1000000 * (q * c)) by (apply Rmult_le_compat_r; lra).
  assert (U3 : u * (w' / S) <= / 1000000 * (w' / S)) by (apply Rmult_le_compat_r; lra).
  assert (U4 : u * (x1 + q') <= / 1000000 * (x1 + q')) by (apply Rmult_le_compat_r; lra).
  eapply Rle_trans; [|apply entry_radius_below; assumption].
  assert (G : Rabs (q - total exactly l / all) <=
    (u * w + tiny) + 10001 / 10000 * (w * e + (100001 / 100000 * AS + 10001 / 10000 * (n * u * w))))
    by (apply (triangle _ w); assumption).
  assert (W1 : w * e <= 100001 / 100000 * (q + tiny) * e) by (apply Rmult_le_compat_r; lra).
  assert (W2 : n * u * w <= n * u * (100001 / 100000 * (q + tiny))) by (apply Rmult_le_compat_l; lra).
  assert (W3 : u * w <= u * (100001 / 100000 * (q + tiny))) by (apply Rmult_le_compat_l; lra).
  assert (T1 : tiny * e <= tiny * / 1000000) by (apply Rmult_le_compat_l; lra).
  assert (T2 : n * u * tiny <= / 100000 * tiny) by (apply Rmult_le_compat_r; lra).
  assert (T3 : u * tiny <= / 1000000 * tiny) by (apply Rmult_le_compat_r; lra).
  assert (P1 : 0 <= q * e) by (apply Rmult_le_pos; lra).
  assert (P2 : 0 <= n * u * q) by (apply Rmult_le_pos; lra).
  assert (P3 : 0 <= q * u) by (apply Rmult_le_pos; lra).
  lra.
Qed.
